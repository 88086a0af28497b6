"""The messages from a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from oscbridge_ui.devices.messages import DevicesMessage
from oscbridge_ui.editing.messages import EditingMessage
from oscbridge_ui.learning.messages import LearningMessage
from oscbridge_ui.protocol_base import (
    MAX_ARGUMENTS,
    MAX_CHOSEN,
    MAX_NAMES,
    MAX_OPEN,
    MAX_PART_TEXT,
    MAX_TEXT,
    MAX_TOKEN,
    MAX_WINDOW,
    CommandId,
    Name,
    ProtocolModel,
    Scalar,
    Text,
    TypeTags,
)
from oscbridge_ui.recording.messages import (
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
from oscbridge_ui.surface.messages import EditSurface, WatchSurface

__all__ = [
    "CLIENT_MESSAGES",
    "ClientMessage",
    "Hello",
    "MessagePart",
    "Mute",
    "Release",
    "ReloadConfiguration",
    "SendMessage",
    "SetVariable",
    "Unwatch",
    "WatchLog",
    "WatchNow",
    "WatchValues",
]


class Hello(ProtocolModel):
    """The first message."""

    type: Literal["hello"]
    token: Annotated[str, Field(max_length=MAX_TOKEN)] = ""


class MessagePart(ProtocolModel):
    """A part of a message that is too large for one frame. Requires the right ``configure``."""

    type: Literal["part"]
    text: Annotated[str, Field(min_length=1, max_length=MAX_PART_TEXT)]
    """Characters of its JSON, after those of the parts before."""
    is_last: bool = False


class WatchNow(ProtocolModel):
    """Watch the state of all parts. A further one asks for the history of another part."""

    type: Literal["watch_now"]
    part: Text = ""
    """The id of a part whose history is sent."""


class WatchLog(ProtocolModel):
    """Watch the log."""

    type: Literal["watch_log"]
    after: int = 0
    """The number of the last event that is known already."""


class WatchValues(ProtocolModel):
    """Watch a window of the list of addresses. A further one replaces it."""

    type: Literal["watch_values"]
    query: Annotated[str, Field(max_length=256)] = ""
    """Words that the address, value, types or a name contains; all of them."""
    source: Name = ""
    """Only values from this bridge or endpoint."""
    state: Literal["all", "live", "stale"] = "all"
    prefix: Text = ""
    """Only addresses below this one."""
    sort: Literal["address", "rate", "age"] = "address"
    first: Annotated[int, Field(ge=0)] = 0
    count: Annotated[int, Field(ge=0, le=MAX_WINDOW)] = 100
    chosen: Annotated[Sequence[Text], Field(max_length=MAX_CHOSEN)] = ()
    """Addresses that are sent also where they are not in the window."""
    open: Annotated[Sequence[Text], Field(max_length=MAX_OPEN)] = ("",)
    """Branches of the tree whose children are sent; "" is the root."""


class Unwatch(ProtocolModel):
    """Watch a topic no longer."""

    type: Literal["unwatch"]
    topic: Literal[
        "now", "log", "values", "routes", "surface", "recordings", "download", "learning", "devices"
    ]


class Mute(ProtocolModel):
    """Mute routes, or unmute them. Requires the right ``configure``."""

    type: Literal["mute"]
    id: CommandId
    routes: Annotated[Sequence[Text], Field(min_length=1, max_length=MAX_NAMES)]
    on: bool


class ReloadConfiguration(ProtocolModel):
    """Read the configuration again. Requires the right ``configure``."""

    type: Literal["reload"]
    id: CommandId


class SetVariable(ProtocolModel):
    """Set a variable. Requires the right ``configure``."""

    type: Literal["set"]
    id: CommandId
    name: Name
    value: Scalar


class Release(ProtocolModel):
    """What a held button sends when it is released."""

    types: TypeTags
    args: Annotated[Sequence[Scalar], Field(max_length=MAX_ARGUMENTS)] = ()


class SendMessage(ProtocolModel):
    """Send an OSC message to an endpoint, or into the routes as if a source had received it.

    Requires the right ``send``, for this address.
    """

    type: Literal["send"]
    id: CommandId
    name: Name
    """The endpoint, or the bridge."""
    received: bool = False
    """Whether it is handled as if it had been received."""
    address: Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
    types: TypeTags
    args: Annotated[Sequence[Scalar], Field(max_length=MAX_ARGUMENTS)] = ()
    """A value per type tag: also for T, F, N and I."""
    release: Release | None = None
    """What the bridge sends there if the page ends before its next message to this address: a
    button that is held when a phone loses its network."""


ClientMessage: TypeAlias = Annotated[
    Hello
    | MessagePart
    | WatchNow
    | WatchLog
    | WatchValues
    | Unwatch
    | Mute
    | ReloadConfiguration
    | SetVariable
    | SendMessage
    | WatchSurface
    | EditSurface
    | WatchRecordings
    | StartRecording
    | StopRecording
    | RemoveRecording
    | PlayRecording
    | ChangePlayback
    | StopPlayback
    | DownloadRecording
    | UploadRecording
    | EditingMessage
    | LearningMessage
    | DevicesMessage,
    Field(discriminator="type"),
]
"""A message from the client."""

CLIENT_MESSAGES: Final[TypeAdapter[ClientMessage]] = TypeAdapter(ClientMessage)
