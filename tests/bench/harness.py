"""Helpers of several sections: ports, programs, and a sender in a separate process.

It uses the public interface: the program and its configuration file. So the sections can
measure an older revision as well.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from figures import Figure

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))

OTHER_PYTHONS: list[str] = []
"""Interpreters of other environments in which oscbridge is installed: ``--also``."""

PER_WRITE = 100
"""Messages per write of a sender, like a program with many messages to send."""

LINGER = 0.3
"""Seconds for which a sender keeps its connection after the last message."""

RENAMED = {
    "queue": ("queue", "outbox"),
    "client_queue": ("max_client_queue", "client_queue"),
}
"""Keys of an endpoint that have other names in older revisions: the names, newest first."""


def programs() -> dict[str, str]:
    """What to append to the names of figures, and the program: ours, and that of each other
    Python."""
    found = {"": PROGRAM}
    for python in OTHER_PYTHONS:
        code = "import platform; print(platform.python_implementation(), platform.python_version())"
        version = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
        found[f", {version.stdout.strip()}"] = str(Path(python).with_name("oscbridge"))
    return found


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(
    command: list[str], ready: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A program, once it has printed a line that contains ``ready``."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if ready in line:
                break
        else:
            raise RuntimeError(f"{command} did not start")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)


@contextmanager
def running_bridge(
    text: str, environment: Mapping[str, str] | None = None, program: str = PROGRAM
) -> Iterator[subprocess.Popen[str]]:
    """The bridge with a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(text)
        with running([program, "run", str(file)], "Ctrl-C", environment) as process:
            yield process


def is_accepted(text: str, environment: Mapping[str, str] | None = None) -> bool:
    """Whether this revision knows all that a configuration uses."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(text)
        command = [PROGRAM, "check", str(file)]
        return not subprocess.run(command, capture_output=True, env=environment).returncode


@cache
def key(kind: str, name: str) -> str:
    """The name of a key of an endpoint type in this revision."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.toml"
        for each in RENAMED[name]:
            file.write_text(f'[endpoint.it]\ntype = "{kind}"\n{each} = 1000\n')
            checked = subprocess.run([PROGRAM, "check", str(file)], capture_output=True, text=True)
            if "unknown key" not in checked.stdout + checked.stderr:
                return each
    raise RuntimeError(f"endpoints of type {kind} have none of the keys {RENAMED[name]}")


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used so far, in all its threads."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def cpu_seconds_of_family(pid: int) -> float:
    """The same with all children that it has waited for, in steps of a hundredth."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def burst_figures(name: str, count: int, seconds: float, cpu: float) -> Iterator[Figure]:
    """How fast a burst of messages was delivered, and the CPU time per message."""
    yield Figure(name, count / seconds, "messages/s", "higher")
    yield Figure(f"{name}, CPU time", cpu / count * 1e6, "µs/message", "lower")


def burst(port: int, packet: bytes, count: int) -> subprocess.Popen[bytes]:
    """Send a packet many times over TCP (OSC 1.0), as fast as the receiver takes it."""
    return subprocess.Popen([sys.executable, __file__, str(port), packet.hex(), str(count)])


def send_burst(port: int, packet: bytes, count: int) -> None:
    import time

    data = struct.pack(">i", len(packet)) + packet
    with socket.create_connection(("127.0.0.1", port)) as sock:
        for _ in range(count // PER_WRITE):
            sock.sendall(data * PER_WRITE)
        sock.sendall(data * (count % PER_WRITE))
        time.sleep(LINGER)


if __name__ == "__main__":
    send_burst(int(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]))
