"""The messages of the view Record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from oscbridge_ui.protocol_base import CommandId, Name, ProtocolModel

__all__ = [
    "MAX_PART",
    "ChangePlayback",
    "DownloadRecording",
    "PlayRecording",
    "PlaybackState",
    "RecorderState",
    "RecordingData",
    "RecordingEntry",
    "RecordingsState",
    "RemoveRecording",
    "StartRecording",
    "StopPlayback",
    "StopRecording",
    "UploadRecording",
    "WatchRecordings",
]

MAX_PART: Final = 45_000
"""Bytes of a piece of an upload."""

MAX_TIME: Final = 31_622_400.0
"""Seconds of a recording, at most: one year."""

Seconds = Annotated[float, Field(ge=0, le=MAX_TIME, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=0.05, le=100, allow_inf_nan=False)]


class WatchRecordings(ProtocolModel):
    """Watch the recordings, the recorder and the player."""

    type: Literal["watch_recordings"]


class StartRecording(ProtocolModel):
    """Record the messages that pass. Requires the right ``configure``, as all of these."""

    type: Literal["start_recording"]
    id: CommandId
    name: Name = ""
    """Without a name, it is the time."""


class StopRecording(ProtocolModel):
    """End the recording."""

    type: Literal["stop_recording"]
    id: CommandId


class RemoveRecording(ProtocolModel):
    """Remove a recording from the disk."""

    type: Literal["remove_recording"]
    id: CommandId
    name: Name


class PlayRecording(ProtocolModel):
    """Play a recording; it replaces the one that is being played."""

    type: Literal["play_recording"]
    id: CommandId
    name: Name
    direction: Literal["in", "out"] = "in"
    """Handle received packets as if they were received again, or send those that were sent."""
    source: Name = ""
    """The bridge or endpoint for all of them; otherwise each has its own."""
    speed: Speed = 1.0
    loop: bool = False
    position: Seconds = 0.0


class ChangePlayback(ProtocolModel):
    """Change how it is played; values that are left out stay."""

    type: Literal["change_playback"]
    id: CommandId
    paused: bool | None = None
    speed: Speed | None = None
    loop: bool | None = None
    position: Seconds | None = None


class StopPlayback(ProtocolModel):
    """Play it no longer."""

    type: Literal["stop_playback"]
    id: CommandId


class DownloadRecording(ProtocolModel):
    """Send a recording, as ``recording_data``; another one, or ``unwatch``, ends it."""

    type: Literal["download_recording"]
    id: CommandId
    name: Name


class UploadRecording(ProtocolModel):
    """A piece of a recording; it is kept once all pieces are there and it is valid."""

    type: Literal["upload_recording"]
    id: CommandId
    name: Name
    size: Annotated[int, Field(ge=0, le=2**53)]
    """Bytes of the recording."""
    offset: Annotated[int, Field(ge=0, le=2**53)]
    """Bytes before this piece; 0 begins the upload."""
    data: Annotated[str, Field(max_length=MAX_PART * 4 // 3 + 4)]
    """The piece in base64."""


class RecordingEntry(ProtocolModel):
    """A recording on the disk."""

    name: str
    size: int
    started: float | None
    """Unix time at which it was begun; None if it cannot be read."""
    seconds: float | None
    """Its length; None if it was cut off, or is being recorded."""


class RecorderState(ProtocolModel):
    """The recording in progress."""

    name: str
    seconds: float
    size: int
    packets: int
    dropped: Mapping[str, int]


class PlaybackState(ProtocolModel):
    """The playback in progress."""

    name: str
    position: float
    """Seconds since the start of the recording."""
    seconds: float | None
    speed: float
    loop: bool
    paused: bool
    direction: Literal["in", "out"]
    source: str
    delivered: int
    left_out: int
    """Packets of the other direction, or of a bridge or endpoint that is not there."""
    rounds: int


class RecordingsState(ProtocolModel):
    """The recordings, the recorder and the player."""

    type: Literal["recordings"] = "recordings"
    entries: Sequence[RecordingEntry] | None
    """None if they are unchanged."""
    recorder: RecorderState | None
    playback: PlaybackState | None
    sources: Sequence[str]
    """Bridges and endpoints that may be played into."""
    folder: str
    free: int
    """Bytes that recordings may still take."""
    notice: str
    """How the last recording, or playing, ended."""
    failed: bool
    """Whether that is an error."""


class RecordingData(ProtocolModel):
    """A piece of a recording that is being downloaded."""

    type: Literal["recording_data"] = "recording_data"
    id: int
    """That of the request."""
    offset: int
    size: int
    """Bytes of the recording; those that a recording grows by meanwhile are left out."""
    data: str
    """The piece in base64."""
