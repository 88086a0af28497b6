"""Makes the state that an earlier revision leaves: ``python tests/upgrade/make_state.py REVISION``.

Runs that revision, with the packages of this environment, and a configuration of its time. The
device is away, so that 100 messages wait in the spool. The folder tests/upgrade/data/REVISION gets
the configuration, as oscbridge.toml, and the files below $XDG_STATE_HOME.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from oscbridge import Message, encode_message
from oscbridge.testing import free_port

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
COUNT = 100
READY = "Ctrl-C stops it"
PROGRAM = "import sys; sys.argv[0] = 'oscbridge'; from oscbridge.cli import main; main()"


def main(revision: str) -> None:
    target = DATA / revision
    text = (target / "oscbridge.toml").read_text()
    shutil.rmtree(target / "state", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="oscbridge-upgrade-") as temporary:
        folder = Path(temporary)
        command = ["git", "-C", str(ROOT), "archive", revision, "oscbridge"]
        archive = subprocess.run(command, check=True, capture_output=True).stdout
        subprocess.run(["tar", "--extract", "--directory", temporary], input=archive, check=True)
        port = free_port()
        (folder / "oscbridge.toml").write_text(text.replace(":9000", f":{port}"))
        (folder / "run").mkdir(mode=0o700)
        env = {
            **os.environ,
            "PYTHONPATH": temporary,
            "XDG_STATE_HOME": str(target / "state"),
            "OSCBRIDGE_RUNTIME_DIR": str(folder / "run"),
        }
        run(folder, env, port)
    for path in (target / "state").rglob("*"):
        print(path.relative_to(target), path.stat().st_size if path.is_file() else "")


def run(folder: Path, env: dict[str, str], port: int) -> None:
    command = [sys.executable, "-P", "-c", PROGRAM, "run", str(folder / "oscbridge.toml")]
    process = subprocess.Popen(
        command,
        env=env,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            print(" ", line, end="")
            if READY in line:
                break
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in range(COUNT):
                packet = encode_message(Message.of("/n", number, f"ü{number}"))
                sock.sendto(packet, ("127.0.0.1", port))
                time.sleep(0.005)  # an old revision may have a small receive buffer
            time.sleep(1)
        process.send_signal(signal.SIGINT)
        print(process.communicate(timeout=30)[0])
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/upgrade/make_state.py REVISION")
    main(sys.argv[1])
