"""Real servers: programs that listen on a port of this machine."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["ServerProcess"]

START_TIMEOUT: Final = 30.0
"""Seconds for a server to listen, also on a busy machine."""


class ServerProcess:
    """A server in its own folder, which can be ended and started again.

    ``how`` is the signal that ends it.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, port: int, how: int = signal.SIGTERM
    ) -> None:
        self.folder = folder
        self.port = port
        self._command = command
        self._how = how
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def log_file(self) -> Path:
        """Its output, of all starts."""
        return self.folder / "log"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._process is not None
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)

    def wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            assert self.process.poll() is None, self.log_file.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, self.log_file.read_text()
            time.sleep(0.01)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.launch()
        self.wait_until_it_listens()

    def end(self, how: int | None = None) -> None:
        """End it by a signal, also if it is paused or has ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(self._how if how is None else how)
            self._process.wait(10)
            self._process = None

    def pause(self) -> None:
        """Let it do nothing, with its connections open."""
        self.process.send_signal(signal.SIGSTOP)
