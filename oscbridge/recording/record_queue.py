"""Records that wait to be written, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Final

from oscbridge.recording.format import Record
from oscbridge.recording.writer import MAX_WAITING

__all__ = ["RecordQueue"]

RECORD_ROOM: Final = 300
"""Approximate bytes of memory of a waiting record, in addition to its packet."""


class RecordQueue:
    """Passes records on to the event loop on which it was created. Bounded."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        """Packets that were not recorded, by reason; may grow at any time."""
        self._waiting: deque[Record] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()

    def put(self, records: Iterable[Record]) -> None:
        """Add records, in order; above the bound they are dropped and counted. Thread-safe."""
        with self._lock:
            was_empty = not self._waiting
            for record in records:
                size = len(record.packet) + RECORD_ROOM
                if self._bytes + size > MAX_WAITING:
                    self.dropped["too many at once"] += 1
                    continue
                self._bytes += size
                self._waiting.append(record)
        if was_empty:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._came.set)

    async def records(self) -> AsyncIterator[Record]:
        """The records, in order, endlessly."""
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                with self._lock:
                    record = self._waiting.popleft()
                    self._bytes -= len(record.packet) + RECORD_ROOM
                yield record
