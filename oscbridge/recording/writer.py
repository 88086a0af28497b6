"""Writes a recording to a file."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from collections import Counter
from pathlib import Path
from typing import Final

from oscbridge.errors import EncodeError, OSCBridgeError
from oscbridge.net.os_errors import what_failed
from oscbridge.recording.format import END_SIZE, Record, encode_end, encode_header, encode_record

__all__ = ["MAX_WAITING", "RecordingWriter"]

FLUSH_SECONDS: Final = 0.5
"""Seconds after which records are on disk, if the disk keeps up."""

FLUSH_BYTES: Final = 262_144
"""Bytes that are written sooner."""

MAX_WAITING: Final = 33_554_432
"""Maximum bytes waiting for a slow disk. Above it, packets are dropped."""

_NO_SYNC: Final = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)
"""Errors of devices and pipes, which cannot be synchronised."""


class RecordingWriter:
    """A recording in progress, and its records that are not yet written.

    Raises :class:`OSCBridgeError` if the file cannot be created.
    """

    def __init__(self, path: Path, force: bool, max_size: int) -> None:
        self._path = path
        self._max_size = max_size
        try:
            self._file = path.open("wb" if force else "xb", buffering=0)
        except OSError as error:
            raise OSCBridgeError(f"{path}: {what_failed(error)}") from None
        header = encode_header(time.time_ns())
        self._start_ns = time.monotonic_ns()
        self._end_ns: int | None = None
        self.packets = 0
        self.size = len(header)
        """Bytes of the file, including those not yet written."""
        self.dropped: Counter[str] = Counter()
        self._written = 0
        self._waiting = [header]
        self._waiting_bytes = len(header)
        self._wake = asyncio.Event()

    @property
    def seconds(self) -> float:
        """Current length of the recording."""
        end = self._end_ns
        return (time.monotonic_ns() - self._start_ns if end is None else end) / 1e9

    def add(self, record: Record) -> bool:
        """Add a record. Returns False if the file would become too large."""
        time_ns = max(
            0, record.time_ns - self._start_ns
        )  # it may have arrived just before the start
        try:
            data = encode_record(record._replace(time_ns=time_ns))
        except EncodeError:
            self.dropped["too long"] += 1
            return True
        if self.size + len(data) + END_SIZE > self._max_size:
            return False
        if self._waiting_bytes + len(data) > MAX_WAITING:
            self.dropped["the disk is too slow"] += 1
            return True
        self.packets += 1
        self._put(data)
        if self._waiting_bytes >= FLUSH_BYTES:
            self._wake.set()
        return True

    def end(self, length_ns: int | None = None) -> None:
        """Finish the recording, with the given length or the time until now."""
        self._end_ns = time.monotonic_ns() - self._start_ns if length_ns is None else length_ns
        self._put(encode_end(self._end_ns))
        self._wake.set()

    def _put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.size += len(data)

    async def keep_writing(self) -> None:
        """Write records until everything is written after :meth:`end`.

        Raises :class:`OSCBridgeError` if writing fails.
        """
        while self._end_ns is None or self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if not self._waiting:
                continue
            data, self._waiting = b"".join(self._waiting), []
            try:
                # On a thread: the disk may take seconds, and packets need exact times.
                await asyncio.to_thread(self._write, data)
            except OSError as error:
                text = f"{self._path}: {what_failed(error)}"
                if self._written:
                    text += f"; its first {self._written} bytes can be played"
                raise OSCBridgeError(text) from None
            self._waiting_bytes -= len(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            count = self._file.write(rest)
            self._written += count
            rest = rest[count:]
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()
