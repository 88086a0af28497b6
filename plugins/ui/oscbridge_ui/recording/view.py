"""The commands of the view Record, for one page."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Coroutine, Sequence
from typing import Final, TypeAlias

from pydantic import BaseModel

from oscbridge import AccessGrant, ConfigurationError, OSCBridgeError
from oscbridge.monitoring import Operations
from oscbridge.recording import RecordingUpload
from oscbridge_ui.page_view import PacedView, PageHandle
from oscbridge_ui.recording.deck import RecordingDeck
from oscbridge_ui.recording.messages import (
    MAX_PART,
    ChangePlayback,
    DownloadRecording,
    PlayRecording,
    RemoveRecording,
    StartRecording,
    StopPlayback,
    StopRecording,
    UploadRecording,
    WatchRecordings,
)
from oscbridge_ui.recording.topics import DownloadTopic, RecordingsTopic
from oscbridge_ui.server_messages import Answer
from oscbridge_ui.visibility import is_limited

__all__ = ["RecordView"]

COMMANDS: Final = 200.0
"""Messages per second, on average over a second: pieces of an upload. A page waits above it."""

LIMITED: Final = "this token is limited to some addresses or endpoints; recordings contain all"

_Command: TypeAlias = (
    StartRecording
    | StopRecording
    | RemoveRecording
    | PlayRecording
    | ChangePlayback
    | StopPlayback
    | DownloadRecording
    | UploadRecording
)


class RecordView(PacedView):
    """Records, plays, and transfers recordings."""

    def __init__(self, page: PageHandle, deck: RecordingDeck, operations: Operations) -> None:
        super().__init__(page, COMMANDS)
        self._deck = deck
        self._operations = operations
        self._upload: RecordingUpload | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def messages(self) -> Sequence[type[BaseModel]]:
        return (
            *(WatchRecordings, StartRecording, StopRecording, RemoveRecording, PlayRecording),
            *(ChangePlayback, StopPlayback, DownloadRecording, UploadRecording),
        )

    async def handle(self, message: BaseModel, grant: AccessGrant) -> None:
        if isinstance(message, WatchRecordings):
            if not is_limited(grant):
                topic = RecordingsTopic(self._deck, self._operations, self._page.wake)
                self._page.watch("recordings", topic)
            return
        assert isinstance(message, _Command)
        try:
            _check(grant)
            text, error = await self._run(message), ""
        except OSCBridgeError as found:
            text, error = "", str(found)
        if text is not None:
            self._page.answer(Answer(id=message.id, error=error, text=text))

    async def _run(self, command: _Command) -> str | None:
        """Carry out a command. Returns the answer; None if it comes later."""
        deck = self._deck
        match command:
            case StartRecording():
                return await deck.record(command.name)
            case StopRecording():
                if deck.recording is None:
                    raise OSCBridgeError("nothing is being recorded")
                deck.recording.stop()
            case RemoveRecording():
                await deck.remove(command.name)
            case PlayRecording():
                await deck.play(command)
            case ChangePlayback():
                deck.change(command)
            case StopPlayback():
                if deck.playback is None:
                    raise OSCBridgeError("nothing is being played")
                deck.playback.stop()
            case DownloadRecording():
                file = await asyncio.to_thread(deck.library.open, command.name)
                self._page.watch("download", DownloadTopic(command.id, file, self._page.wake))
            case UploadRecording():
                return await self._take_piece(command)
        return ""

    async def _take_piece(self, piece: UploadRecording) -> str | None:
        if piece.offset == 0:
            await self._drop()
            self._upload = await self._deck.upload(piece.name, piece.size)
        upload = self._upload
        if upload is None or upload.received != piece.offset:
            raise ConfigurationError("a piece of the upload is missing; upload it again")
        try:
            data = base64.b64decode(piece.data, validate=True)
            if len(data) > MAX_PART:
                raise ConfigurationError(f"a piece of more than {MAX_PART} bytes")
            await asyncio.to_thread(upload.write, data)
        except binascii.Error:
            await self._drop()
            raise ConfigurationError("a piece of the upload is not base64") from None
        except OSCBridgeError:
            await self._drop()
            raise
        if upload.received < upload.size:
            return ""
        self._upload = None
        self._start(self._keep(upload, piece.id))
        return None

    async def _keep(self, upload: RecordingUpload, number: int) -> None:
        try:
            await self._deck.keep(upload)
            error = ""
        except OSCBridgeError as found:
            error = str(found)
        self._page.answer(Answer(id=number, error=error, text=""))

    async def _drop(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            await self._deck.drop(upload)

    def access_changed(self, grant: AccessGrant) -> None:
        if is_limited(grant):
            self._page.end("recordings")
        if is_limited(grant) or grant.without("configure") is not None:
            self._page.end("download")

    def close(self) -> None:
        self._start(self._drop())

    def _start(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check(grant: AccessGrant) -> None:
    """Raises :class:`OSCBridgeError` if a client may not record and play."""
    if (denied := grant.without("configure")) is not None:
        raise OSCBridgeError(denied.reason)
    if is_limited(grant):
        raise OSCBridgeError(LIMITED)
