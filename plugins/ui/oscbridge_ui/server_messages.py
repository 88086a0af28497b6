"""The messages from the bridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from oscbridge import Right
from oscbridge_ui.devices.messages import DevicesState
from oscbridge_ui.editing.messages import EditingState
from oscbridge_ui.learning.messages import AddressesAnswer, LearningStatus
from oscbridge_ui.now_messages import NowState, Pulse
from oscbridge_ui.protocol_base import Level, ProtocolModel
from oscbridge_ui.recording.messages import RecordingData, RecordingsState
from oscbridge_ui.surface.messages import SurfaceState
from oscbridge_ui.values_messages import ValuesState

__all__ = [
    "Answer",
    "Denied",
    "LogEvent",
    "LogState",
    "ProcessState",
    "Refused",
    "ServerMessage",
    "Welcome",
]


class ProcessState(ProtocolModel):
    """The process and its configuration."""

    configuration: str
    version: str
    pid: int
    since: float
    """Unix time at which it became ready."""
    dry: bool
    """Whether nothing is sent."""
    built_in: bool
    """Whether it runs without a configuration file."""
    addresses: Sequence[str]
    """Addresses of its machine in the local network."""


class Welcome(ProtocolModel):
    """The client has access."""

    type: Literal["welcome"] = "welcome"
    rights: Sequence[Right]
    views: Sequence[str]
    """The views that its token shows."""
    process: ProcessState
    time: float
    """Unix time of the bridge."""


class Denied(ProtocolModel):
    """The client has no access; the connection is closed."""

    type: Literal["denied"] = "denied"
    reason: str
    token_needed: bool
    """Whether another token may help."""
    retry_after: int
    """Seconds before another attempt is worthwhile; 0 if waiting does not help."""


class Refused(ProtocolModel):
    """A topic that this client may not watch."""

    type: Literal["refused"] = "refused"
    topic: str
    reason: str


class LogEvent(ProtocolModel):
    """An event of the log."""

    number: int
    time: float
    level: Level
    part: str
    text: str
    error: str
    """The traceback, or an empty string."""


class LogState(ProtocolModel):
    """Events of the log, oldest first."""

    type: Literal["log"] = "log"
    full: bool
    """Whether they replace the known facts."""
    events: Sequence[LogEvent]
    missed: int
    """Events that are not sent, as there were too many."""


class Answer(ProtocolModel):
    """The answer to a command."""

    type: Literal["answer"] = "answer"
    id: int
    error: str
    """Human-readable; empty if it succeeded."""
    text: str
    """The changes, human-readable."""


ServerMessage: TypeAlias = Annotated[
    Welcome
    | Denied
    | Refused
    | Pulse
    | NowState
    | LogState
    | Answer
    | ValuesState
    | SurfaceState
    | RecordingsState
    | RecordingData
    | EditingState
    | LearningStatus
    | AddressesAnswer
    | DevicesState,
    Field(discriminator="type"),
]
"""A message from the bridge."""
