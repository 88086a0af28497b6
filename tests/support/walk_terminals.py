"""Terminals of a page: programs that run on, and their output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

__all__ = ["WAIT", "Terminal", "is_like", "run_command"]

WAIT: Final = 60.0
"""Seconds that a program may take to print something, or to end after Ctrl-C."""

COMMAND_TIMEOUT: Final = 240.0
"""Seconds that a command may take: one of them runs all tests of a plugin."""

_VARIABLE: Final = (
    (r"\d\d:\d\d:\d\d(\.\d+)?", "TIME"),
    (r"\b\d+(\.\d+)? (ms|s)\b", "DURATION"),
    (r"(?<= from :)\d+\b", "PORT"),
    (r"(?<=127\.0\.0\.1:)[3-6]\d{4}\b", "PORT"),
    (r"(?<=192\.168\.1\.20:)[3-6]\d{4}\b", "PORT"),
    (r"\s+", " "),
)
"""What differs from run to run."""


def _plain(line: str) -> str:
    for pattern, word in _VARIABLE:
        line = re.sub(pattern, word, line)
    return line.strip()


def is_like(expected: str, line: str) -> bool:
    """Whether a printed line is the expected one; ``…`` is any text."""
    parts = map(re.escape, _plain(expected).split("…"))
    return re.fullmatch(".*".join(parts), _plain(line)) is not None


def missing_line(expected: list[str], lines: list[str]) -> tuple[str, int]:
    """The first expected line that is not among the lines in this order, or empty; and how many
    lines were needed."""
    index = 0
    for each in expected:
        while index < len(lines) and not is_like(each, lines[index]):
            index += 1
        if index == len(lines):
            return each, index
        index += 1
    return "", index


class Terminal:
    """A program that runs until Ctrl-C."""

    def __init__(self, command: str, folder: Path) -> None:
        self.command = command
        self._process = subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        self._lines: list[str] = []
        self._seen = 0
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def expect(self, text: str) -> None:
        """Wait until these lines are printed, in this order, after those expected before."""
        expected = [line for line in text.splitlines() if line.strip()]
        deadline = time.monotonic() + WAIT
        with self._changed:
            while True:
                missing, used = missing_line(expected, self._lines[self._seen :])
                if not missing:
                    self._seen += used
                    return
                left = deadline - time.monotonic()
                if self._has_ended or left < 0:
                    raise AssertionError(f"{self.command}: no line {missing!r} in:\n{self.output}")
                self._changed.wait(left)

    def rewind(self) -> None:
        """Compare the next lines with all that is printed, from the start."""
        self._seen = 0

    @property
    def output(self) -> str:
        """All that it has printed."""
        return "\n".join(self._lines)

    def stop(self) -> None:
        """Press Ctrl-C, and wait for the end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(WAIT)
        self._reader.join(WAIT)

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def run_command(command: str, folder: Path, *, must_fail: bool = False) -> str:
    """Run a command to its end, and return its output. It must succeed, or fail."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_TIMEOUT,
        check=False,
    )
    if bool(done.returncode) != must_fail:
        raise AssertionError(f"{command}: exit code {done.returncode}:\n{done.stdout}")
    return done.stdout
