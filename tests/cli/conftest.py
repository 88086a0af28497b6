"""The real program, as a person starts it."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("oscbridge"))

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.web]
type = "websocket"
listen = "127.0.0.1:0"
"""


class Program:
    """A program that runs until it is stopped; its output can be waited for."""

    def __init__(self, *args: str, env: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            text=True,
            encoding="utf-8",
        )
        self.output = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait_for(self, pattern: str, timeout: float = 15) -> re.Match[str]:
        """Read on until a line matches. The match."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._lines.get(timeout=max(0.01, deadline - time.monotonic()))
            self.output += line
            if found := re.search(pattern, line):
                return found
            assert line, f"it ended without {pattern!r}:\n{self.output}"

    def stop(self, number: int = signal.SIGINT, timeout: float = 5) -> int:
        """Send a signal and wait for the end. The exit code."""
        self.process.send_signal(number)
        return self.ended(timeout)

    def ended(self, timeout: float = 5) -> int:
        code = self.process.wait(timeout)
        self._reading.join(timeout)
        while not self._lines.empty():
            self.output += self._lines.get()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reading.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Without anything that colours or changes the output; a test may add to it.

    Its bridges are its own: no command of another test finds them.
    """
    drop = ("FORCE_COLOR", "NO_COLOR", "PYTHONPATH", "COLUMNS", "LINES", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has a limit
        yield kept | {"OSCBRIDGE_RUNTIME_DIR": folder}


@pytest.fixture
def call(
    environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program to its end, in a folder of its own."""

    def call(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *args],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment,
            cwd=tmp_path,
            check=False,
        )

    return call


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Program]]:
    """Starts the program in the background."""
    running: list[Program] = []

    def start(*args: str) -> Program:
        running.append(Program(*args, env=environment))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a configuration file. Its path."""

    def write(text: str = CONFIGURATION, name: str = "show.toml") -> str:
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write
