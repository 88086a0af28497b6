"""Log lines on the standard error stream that never block and never fail.

Their reader may be slow, stuck or gone: a pager, a terminal on a dead network, the log of a
container. A plain write would then block the program. This needs no thread, so that forking
processes can use it too.
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
"""Lines that wait for a reader, besides the system's buffer. The oldest are dropped."""

CLOSE_TIMEOUT: Final = 0.5
"""Seconds to write the waiting lines at the end."""

_ATOMIC: Final = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe accepts completely, if it accepts any."""


class StandardError(logging.Handler):
    """Writes without blocking. The rest waits for the next event or :meth:`flush`.

    Dropped lines are counted, and reported in their own line as soon as one can be written.
    Requires ``poll()``. Raises ``OSError`` for an invalid descriptor.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        super().__init__()
        self.dropped = 0
        """Lines that were not written."""
        self._unreported = 0
        self._encoding = encoding
        self._line = b""
        """The rest of the line that is being written."""
        self._reporting = 0
        """The number of dropped lines that this line reports; 0 if it is an event."""
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
        if os.getpid() != self._pid:  # the parent writes the waiting lines
            self._pid = os.getpid()
            self._line, self._reporting, self._unreported = b"", 0, 0
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
        """Write waiting lines, without blocking."""
        self.acquire()
        try:
            if not self._closed:
                self._write()
        finally:
            self.release()

    def close(self) -> None:
        """Write waiting lines, within a timeout. Also called at the end of the program."""
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
        """Nothing: printing it could block."""

    # --- under the lock ----------------------------------------------------------------------

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._unreported += count

    def _encode(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode(self._encoding, "backslashreplace")

    def _write(self) -> bool:
        """Write as much as possible without blocking. Whether that was everything."""
        while self._line or self._waiting:
            if not self._line:
                self._line = self._next()
            try:
                count = self._write_some(self._line)
            except BlockingIOError:
                count = 0
            except OSError:  # the reader is gone, or the disk is full
                self._give_up()
                return True
            if not count:
                return False
            self._line = self._line[count:]
        return True

    def _give_up(self) -> None:
        """Drop all waiting lines."""
        self._drop(len(self._waiting) + (not self._reporting))
        self._unreported += self._reporting
        self._line, self._reporting = b"", 0
        self._waiting.clear()

    def _write_all(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self._write() and (left := deadline - time.monotonic()) > 0:
            self._poll.poll(left * 1_000)

    def _write_some(self, line: bytes) -> int:
        if not self._blocks:
            return os.write(self._descriptor, line)
        # Other writers may fill it after the poll. That is rare, and blocks only until the
        # reader continues.
        if not self._poll.poll(0):
            return 0
        return os.write(self._descriptor, line[:_ATOMIC])

    def _next(self) -> bytes:
        """The next line: first the report of dropped ones."""
        self._reporting, self._unreported = self._unreported, 0
        if not self._reporting:
            return self._waiting.popleft()
        lines = "1 line" if self._reporting == 1 else f"{self._reporting} lines"
        text = f"{lines} of the log dropped here: the reader was too slow"
        fields = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        return self._encode(logging.makeLogRecord(fields))


def _own(descriptor: int) -> int:
    """Our own descriptor of the same file, non-blocking if possible.

    Changing the given one would change it for all processes that share it, for example the
    shell. A pipe or a terminal can be opened again, where the system has such paths.
    """
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode) or os.isatty(descriptor):
        try:
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
            return os.open(f"/dev/fd/{descriptor}", flags)
        except OSError:  # the path does not exist, or the terminal belongs to another user
            pass
    return os.dup(descriptor)
