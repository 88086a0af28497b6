"""The recording and the playback in the bridge: one of each, for all pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Final

from oscbridge import ConfigurationError, OSCBridgeError
from oscbridge.monitoring import Operations
from oscbridge.recording import RecordingLibrary, RecordingUpload
from oscbridge_ui.recording.active_playback import ActivePlayback
from oscbridge_ui.recording.active_recording import ActiveRecording
from oscbridge_ui.recording.messages import (
    ChangePlayback,
    PlayRecording,
    RecordingEntry,
)

__all__ = ["RecordingDeck"]

MAX_UPLOADS: Final = 4
"""Uploads at the same time."""

UPLOAD_TIMEOUT: Final = 30.0
"""Seconds that an upload waits for its next piece, where others wait for a place."""


class RecordingDeck:
    """Records and plays. On the event loop. Its methods raise :class:`OSCBridgeError`."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._library = RecordingLibrary(operations.recordings_directory())
        self.recording: ActiveRecording | None = None
        self.playback: ActivePlayback | None = None
        self.entries: Sequence[RecordingEntry] = ()
        self.entries_number = 0
        """Increases with each look at the folder."""
        self.free = 0
        self.notice = ""
        """How the last recording, or playing, ended."""
        self.failed = False
        self._changed: dict[object, Callable[[], None]] = {}
        self._uploads: dict[RecordingUpload, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def library(self) -> RecordingLibrary:
        """The folder; a reload may have changed it."""
        folder = self._operations.recordings_directory()
        if folder != self._library.folder:
            self._library = RecordingLibrary(folder)
        return self._library

    @property
    def is_active(self) -> bool:
        """Whether something is recorded or played."""
        return self.recording is not None or self.playback is not None

    def watch(self, watcher: object, changed: Callable[[], None]) -> None:
        """Call a function after each change."""
        self._changed[watcher] = changed

    def unwatch(self, watcher: object) -> None:
        """End that."""
        self._changed.pop(watcher, None)

    async def close(self) -> None:
        """Stop everything."""
        for upload in tuple(self._uploads):
            await self.drop(upload)
        if self.playback is not None:
            self.playback.stop()
        if self.recording is not None:
            self.recording.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- the folder ---------------------------------------------------------------------------

    async def look(self) -> None:
        """Read the folder again."""
        try:
            found = await asyncio.to_thread(self.library.recordings)
            self.free = await asyncio.to_thread(lambda: self.library.free)
        except OSCBridgeError as error:
            self._ended(str(error), failed=True)
            return
        self.entries = tuple(
            RecordingEntry(
                name=each.name,
                size=each.size,
                started=None if each.start_unix_ns is None else each.start_unix_ns / 1e9,
                seconds=None if each.length_ns is None else each.length_ns / 1e9,
            )
            for each in found
        )
        self.entries_number += 1
        self._tell()

    async def remove(self, name: str) -> None:
        """Remove a recording."""
        if self.recording is not None and self.recording.name == self.library.path(name).stem:
            raise ConfigurationError(f"{name!r} is being recorded; stop it first")
        await asyncio.to_thread(self.library.remove, name)
        await self.look()

    # --- recording ----------------------------------------------------------------------------

    async def record(self, name: str) -> str:
        """Start a recording. Returns its name."""
        if self.recording is not None:
            raise OSCBridgeError(f"{self.recording.name!r} is being recorded; stop it first")
        name = name.strip() or time.strftime("%Y-%m-%d %H-%M-%S")
        path = await asyncio.to_thread(self.library.new, name)
        if self.recording is not None:  # another page was faster
            raise OSCBridgeError(f"{self.recording.name!r} is being recorded; stop it first")
        self.recording = ActiveRecording(self._operations, path, self.library.free)
        self._start(self._record(self.recording))
        await self.look()
        return path.stem

    async def _record(self, recording: ActiveRecording) -> None:
        failed = False
        try:
            ended, failed = await recording.run()
        except Exception as error:
            ended, failed = f"{recording.name}: {error}", True
        self.recording = None
        self._ended(ended, failed=failed)
        await self.look()

    # --- playing ------------------------------------------------------------------------------

    async def play(self, request: PlayRecording) -> None:
        """Play a recording instead of the current one."""
        if request.source and request.source not in self._operations.source_names:
            raise ConfigurationError(f"{request.source!r}: no such bridge or endpoint")
        file = await asyncio.to_thread(self.library.open, request.name)
        try:
            playback = await asyncio.to_thread(ActivePlayback, self._operations, file, request)
        except BaseException:
            file.close()
            raise
        if self.playback is not None:
            self.playback.stop()
        self.playback = playback
        self._start(self._play(playback))
        self._ended("", failed=False)

    async def _play(self, playback: ActivePlayback) -> None:
        try:
            ended, failed = await playback.run()
        except Exception as error:
            ended, failed = f"{playback.name}: {error}", True
        if self.playback is playback:
            self.playback = None
            self._ended(ended, failed=failed)

    def change(self, request: ChangePlayback) -> None:
        """Change the running playback."""
        if self.playback is None:
            raise OSCBridgeError("nothing is being played")
        self.playback.change(request)
        self._tell()

    # --- uploads ------------------------------------------------------------------------------

    async def upload(self, name: str, size: int) -> RecordingUpload:
        """Begin an upload, for :meth:`keep` or :meth:`drop`.

        Where there are too many, those that wait too long for their next piece are dropped.
        """
        if len(self._uploads) >= MAX_UPLOADS:
            for each in tuple(self._uploads):
                idle = time.monotonic() - each.touched
                if each.received < each.size and idle > UPLOAD_TIMEOUT:
                    await self.drop(each)
        if len(self._uploads) >= MAX_UPLOADS:
            raise OSCBridgeError(f"at most {MAX_UPLOADS} uploads at the same time; try again later")
        upload = await asyncio.to_thread(self.library.upload, name, size)
        self._uploads[upload] = None
        return upload

    async def keep(self, upload: RecordingUpload) -> None:
        """Check an upload that is complete, and put it into the folder."""
        try:
            await asyncio.to_thread(upload.finish)
        finally:
            await self.drop(upload)
        await self.look()

    async def drop(self, upload: RecordingUpload) -> None:
        """End an upload."""
        self._uploads.pop(upload, None)
        await asyncio.to_thread(upload.close)

    # --- inside -------------------------------------------------------------------------------

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, notice: str, *, failed: bool) -> None:
        self.notice, self.failed = notice, failed
        self._tell()

    def _tell(self) -> None:
        for changed in tuple(self._changed.values()):
            with suppress(RuntimeError):
                changed()
