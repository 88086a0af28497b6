"""What a page gets of the recordings: their list, and the pieces of a download."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Callable
from typing import BinaryIO, Final

from oscbridge.monitoring import Operations
from oscbridge_ui.recording.deck import RecordingDeck
from oscbridge_ui.recording.messages import RecordingData, RecordingsState
from oscbridge_ui.topic import Topic
from oscbridge_ui.words import path_text

__all__ = ["DownloadTopic", "RecordingsTopic"]

INTERVAL: Final = 0.25
"""Seconds between two looks while something is recorded or played."""

PARTS: Final = (65_536, 1_048_576)
"""Bytes of a piece of a download, at least and at most."""

SLOW: Final = 0.5
"""Seconds for a piece after which the next one is smaller; a quarter makes it larger."""


class RecordingsTopic(Topic):
    """The list, then its changes."""

    def __init__(
        self, deck: RecordingDeck, operations: Operations, wake: Callable[[], None]
    ) -> None:
        self._deck = deck
        self._operations = operations
        self._wake = wake
        self._entries_number = -1
        self._sent: RecordingsState | None = None
        deck.watch(self, wake)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        folder = None
        while True:
            if self._deck.library.folder != folder:  # at first, or after a reload
                folder = self._deck.library.folder
                await self._deck.look()
            elif self._deck.is_active:
                self._wake()
            await asyncio.sleep(INTERVAL)

    def take(self) -> RecordingsState | None:
        deck = self._deck
        if not deck.entries_number:
            return None
        is_same = self._entries_number == deck.entries_number
        self._entries_number = deck.entries_number
        found = RecordingsState(
            entries=None if is_same else deck.entries,
            recorder=None if deck.recording is None else deck.recording.state,
            playback=None if deck.playback is None else deck.playback.state,
            sources=self._operations.source_names,
            folder=path_text(deck.library.folder),
            free=deck.free,
            notice=deck.notice,
            failed=deck.failed,
        )
        if found == self._sent:
            return None
        self._sent = found
        return found

    def close(self) -> None:
        self._task.cancel()
        self._deck.unwatch(self)


class DownloadTopic(Topic):
    """The pieces of a recording, as fast as the page reads them."""

    def __init__(self, number: int, file: BinaryIO, wake: Callable[[], None]) -> None:
        self._number = number
        self._file = file
        self._wake = wake
        self._size = os.fstat(file.fileno()).st_size
        self._offset = 0
        self._part = PARTS[0]
        self._ready: RecordingData | None = None
        self._taken_at = time.monotonic()
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        size = min(self._part, self._size - self._offset)
        try:
            data = await asyncio.to_thread(self._file.read, size)
        except OSError:
            data = b""  # the page sees that something is missing
        self._ready = RecordingData(
            id=self._number,
            offset=self._offset,
            size=self._size,
            data=base64.b64encode(data).decode(),
        )
        self._offset += len(data)
        if not data:
            self._offset = self._size  # it has become shorter
        self._wake()

    def take(self) -> RecordingData | None:
        found, self._ready = self._ready, None
        if found is None:
            return None
        now = time.monotonic()
        took, self._taken_at = now - self._taken_at, now
        least, most = PARTS
        if took > SLOW:
            self._part = max(least, self._part // 2)
        elif took < SLOW / 4:
            self._part = min(most, self._part * 2)
        if self._offset < self._size:
            self._task = asyncio.create_task(self._read())
        return found

    def close(self) -> None:
        self._task.cancel()
        self._task.add_done_callback(lambda _task: self._file.close())
