"""The output of one TCP client, where threads serve connections."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Sequence

from oscbridge.net.unsent import UnsentMessages

__all__ = ["StreamOutput"]


class StreamOutput:
    """A buffer before a socket that does not block. One thread adds to it, any may flush it.

    Packets leave whole and in order. Nothing here waits.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._added: deque[Sequence[bytes]] = deque()
        """Packets that are not in the buffer yet."""
        self._added_size = self._taken_size = 0
        """Bytes that were ever added, and moved to the buffer: each has one writer at a time."""
        self._buffer = bytearray()
        self._unsent = UnsentMessages()
        self._lock = threading.Lock()
        self.progress = time.monotonic()
        """When something left last, or the buffer was empty."""

    def __len__(self) -> int:
        """Bytes that wait."""
        return len(self._buffer) + self._added_size - self._taken_size

    def add(self, frames: Sequence[bytes]) -> None:
        """Add framed packets, and send as much as possible."""
        self._added_size += sum(map(len, frames))
        self._added.append(frames)
        self.flush()

    def flush(self) -> None:
        """Send as much as possible, unless another thread does."""
        while len(self) and self._lock.acquire(blocking=False):
            try:
                if not self._send():
                    return
            finally:
                self._lock.release()

    def _send(self) -> bool:
        """Move packets to the buffer, and send. Returns whether all was sent."""
        while self._added:
            frames = self._added.popleft()
            size = sum(map(len, frames))
            if not self._buffer:
                self.progress = time.monotonic()
            self._buffer += b"".join(frames)
            self._taken_size += size
            self._unsent.wrote(frames, size, len(self._buffer))
        while self._buffer:
            try:
                sent = self._sock.send(self._buffer)
            except OSError:  # it would block, or the reader of the socket notices
                return False
            del self._buffer[:sent]
            self.progress = time.monotonic()
        self._unsent.clear()
        return True

    def count_unsent(self) -> int:
        """Packets of which a part has not left."""
        with self._lock:
            waiting = sum(map(len, self._added))
            return waiting + self._unsent.count(len(self._buffer))
