"""Log lines on the standard error stream, which never block and never fail.

Whoever reads them may be slow, stuck or gone: a pager, a terminal behind a dead network, a
container's log. A plain write would then hold up the program. Here no thread is needed, so
a process that forks can use it as well.
"""

from __future__ import annotations

import logging
import os
import select
import stat
import time
from collections import deque
from typing import Final

__all__ = ["StandardError"]

MAX_WAITING: Final = 1_000
"""Lines that wait for a reader, beside what the system holds. Then the oldest are dropped."""

CLOSE_TIMEOUT: Final = 0.5
"""Seconds that a reader is given at the end to take what waits."""

_ATOMIC: Final = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes whole, once it takes any."""


class StandardError(logging.Handler):
    """Writes what can be written at once. The rest waits for the next event or :meth:`flush`.

    What is dropped is counted, and told in a line of its own as soon as one can be written.
    Only where there is ``poll()``. Raises ``OSError`` for a descriptor that is none.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        super().__init__()
        self.dropped = 0
        """Lines that were not written."""
        self._untold = 0
        self._encoding = encoding
        self._line = b""
        """What is left of the line that is being written."""
        self._telling = 0
        """The dropped lines that this line tells of; 0 if it is an event."""
        self._waiting: deque[bytes] = deque()
        self._pid = os.getpid()
        self._closed = False
        self._descriptor = _own(descriptor)
        self._blocks = os.get_blocking(self._descriptor)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLOUT)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, now or later. Never raises, never blocks."""
        if self._closed:
            return
        if os.getpid() != self._pid:  # what waited is the parent's to write
            self._pid = os.getpid()
            self._line, self._telling, self._untold = b"", 0, 0
            self._waiting.clear()
        try:
            line = self._encode(record)
        except Exception:
            self._drop(1)
            return
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self._drop(1)
        self._waiting.append(line)
        self._write()

    def flush(self) -> None:
        """Write what waits, as far as that can be done at once."""
        self.acquire()
        try:
            if not self._closed:
                self._write()
        finally:
            self.release()

    def close(self) -> None:
        """Write what waits, within a time-out. Called at the end of the program as well."""
        self.acquire()
        try:
            if not self._closed:
                self._write_all(CLOSE_TIMEOUT)
                self._closed = True
                os.close(self._descriptor)
        finally:
            self.release()
        super().close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Nothing: to show it could block."""

    # --- under the lock ----------------------------------------------------------------------

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._untold += count

    def _encode(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")

    def _write(self) -> bool:
        """Write as much as can be written at once. Whether that was all."""
        while self._line or self._waiting:
            if not self._line:
                self._line = self._next()
            try:
                count = self._write_some(self._line)
            except BlockingIOError:
                count = 0
            except OSError:  # nobody reads any more, or the disk is full
                self._give_up()
                return True
            if not count:
                return False
            self._line = self._line[count:]
        return True

    def _give_up(self) -> None:
        """Drop everything that waits."""
        self._drop(len(self._waiting) + (not self._telling))
        self._untold += self._telling
        self._line, self._telling = b"", 0
        self._waiting.clear()

    def _write_all(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self._write() and (left := deadline - time.monotonic()) > 0:
            self._poll.poll(left * 1_000)

    def _write_some(self, line: bytes) -> int:
        if not self._blocks:
            return os.write(self._descriptor, line)
        # Others write to it as well, and could be quicker after the look: rare, and it ends
        # when the reader reads on.
        if not self._poll.poll(0):
            return 0
        return os.write(self._descriptor, line[:_ATOMIC])

    def _next(self) -> bytes:
        """The next line: first that some before it are missing."""
        self._telling, self._untold = self._untold, 0
        if not self._telling:
            return self._waiting.popleft()
        lines = "1 line" if self._telling == 1 else f"{self._telling} lines"
        text = f"{lines} of the log lost here: nobody read in time"
        fields = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        return self._encode(logging.makeLogRecord(fields))


def _own(descriptor: int) -> int:
    """A descriptor of our own for what another stands for; that one may not block, if possible.

    To set the other one so would set it for all who share it: the shell, for one. A pipe or
    a terminal can be opened anew, where the system has such paths.
    """
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode) or os.isatty(descriptor):
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            return os.open(f"/dev/fd/{descriptor}", flags)
        except OSError:  # there is no such path, or it is somebody else's terminal
            pass
    return os.dup(descriptor)
