"""The real program, ``oscbridge run``, in a process of its own."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

__all__ = ["PROGRAM", "OscbridgeProcess", "running_process"]

PROGRAM: Final = str(Path(sys.executable).with_name("oscbridge"))
"""The command ``oscbridge`` of the running interpreter."""

READY: Final = "Ctrl-C stops it"
"""The end of the banner."""


class OscbridgeProcess:
    """A command of ``oscbridge`` that runs until it is stopped, and its output.

    ``stderr`` is a file or a descriptor for its log, which otherwise is part of the output.
    With ``new_session`` it leads a session and a process group of its own. ``program`` is the
    path of another ``oscbridge``, ``folder`` the current folder of the process.
    """

    def __init__(
        self,
        *args: str,
        env: Mapping[str, str],
        stderr: IO[bytes] | int = subprocess.STDOUT,
        new_session: bool = False,
        program: str = PROGRAM,
        folder: Path | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [program, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=new_session,
            env=env,
            cwd=folder,
            text=True,
            encoding="utf-8",
        )
        self.output = ""
        """All output that was waited for; after the end, all of it."""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait_for(self, pattern: str, timeout: float = 30) -> re.Match[str]:
        """Read on until a line matches. Returns the match.

        Raises ``AssertionError`` if the process ends, and ``queue.Empty`` after ``timeout``
        seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            self.output += line
            if found := re.search(pattern, line):
                return found
            assert line, f"it ended without {pattern!r}:\n{self.output}"

    def port(self, name: str) -> int:
        """The port of a bridge or an endpoint, as the banner shows it."""
        found = re.search(rf"\b{re.escape(name)} +\S+://\S+?:(\d+)", self.output)
        assert found, f"no address of {name!r} in:\n{self.output}"
        return int(found[1])

    def send(self, bridge: str, *packets: bytes) -> None:
        """Send datagrams to a UDP bridge on this machine."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self.port(bridge)))
            for packet in packets:
                sock.send(packet)

    def stop(self, number: int = signal.SIGINT, timeout: float = 15) -> int:
        """Send a signal and wait for the end. Returns the exit code."""
        self.process.send_signal(number)
        return self.ended(timeout)

    def ended(self, timeout: float = 15) -> int:
        """Wait for the end. Returns the exit code."""
        code = self.process.wait(timeout)
        self._reading.join(timeout)
        while not self._lines.empty():
            self.output += self._lines.get()
        return code

    def close(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def running_process(
    text: str,
    *args: str,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stderr: IO[bytes] | int = subprocess.STDOUT,
) -> Iterator[OscbridgeProcess]:
    """``oscbridge run`` with this configuration, ready.

    The configuration is ``test.toml`` in ``folder``, or else in a temporary folder. Other
    commands find the bridge with the environment variable ``OSCBRIDGE_RUNTIME_DIR`` that ``env``
    sets, or not at all.
    """
    with tempfile.TemporaryDirectory() as runtime:  # short, as a socket's path has a limit
        file = Path(folder or runtime, "test.toml")
        file.write_text(text)
        own = {"OSCBRIDGE_RUNTIME_DIR": runtime, "NO_COLOR": "1"}
        process = OscbridgeProcess(
            "run", str(file), *args, env={**os.environ, **own, **(env or {})}, stderr=stderr
        )
        try:
            process.wait_for(READY)
            yield process
        finally:
            process.close()
