"""The messages from the bridge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from oscbridge import Right
from oscbridge_ui.devices.messages import DevicesState
from oscbridge_ui.editing.messages import EditingState
from oscbridge_ui.learning.messages import AddressesAnswer, LearningStatus
from oscbridge_ui.protocol_base import Level, ProtocolModel, Scalar
from oscbridge_ui.recording.messages import RecordingData, RecordingsState
from oscbridge_ui.surface.messages import SurfaceState
from oscbridge_ui.value_rows import Described, ValueRow

__all__ = [
    "Answer",
    "BridgePart",
    "Denied",
    "Described",
    "EndpointPart",
    "LogEvent",
    "LogState",
    "NowState",
    "PartState",
    "Problem",
    "ProcessState",
    "Pulse",
    "ReceivedState",
    "RecordingData",
    "RecordingsState",
    "RoutePart",
    "ServerMessage",
    "SurfaceState",
    "TreeNode",
    "ValueRow",
    "ValuesState",
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


class Pulse(ProtocolModel):
    """Sent every second, whatever is watched."""

    type: Literal["pulse"] = "pulse"
    time: float
    """Unix time."""
    received: int
    """Messages that were received since the start."""
    sent: int
    """Messages that were sent since the start."""
    waiting: int
    lost: int
    """Messages that were lost since the start."""
    bad: int
    """Number of problems, without warnings."""
    warn: int
    addresses: int


class ReceivedState(ProtocolModel):
    """Counters of a source since it was started."""

    packets: int
    messages: int
    routed: int
    unmatched: int
    held: int
    bad: Mapping[str, int]
    lost: Mapping[str, int]
    last_unmatched: str
    silence: float | None
    """Seconds since something arrived; None if nothing has."""


class BridgePart(ProtocolModel):
    """A bridge."""

    kind: Literal["bridge"] = "bridge"
    id: str
    name: str
    address: str
    mode: str
    problem: str
    connections: int
    received: ReceivedState


class EndpointPart(ProtocolModel):
    """An endpoint, or the clients of a bridge as a sink."""

    kind: Literal["endpoint"] = "endpoint"
    id: str
    name: str
    endpoint_type: str
    where: str
    connected: bool
    problem: str
    is_sink: bool
    is_bridge: bool
    policy: str
    queued: int
    in_flight: int
    queue_size: int
    sent: int
    lost: Mapping[str, int]
    clients: int | None
    refused: int
    delay: float | None
    """Mean seconds from routing to delivery; None without messages."""
    received: ReceivedState


class RoutePart(ProtocolModel):
    """A route."""

    kind: Literal["route"] = "route"
    id: str
    number: int
    name: str
    match: str
    sources: Sequence[str]
    to: Sequence[str]
    taken: int
    passed: int
    filtered: Mapping[str, int]
    failed: Mapping[str, int]
    held: int
    enabled: bool
    muted: bool
    failing: bool
    last_error: str


PartState: TypeAlias = Annotated[BridgePart | EndpointPart | RoutePart, Field(discriminator="kind")]


class Problem(ProtocolModel):
    """Something that needs attention, in plain words."""

    id: str
    level: Literal["bad", "warn"]
    part: str
    """The id of a part."""
    title: str
    text: str
    fix: str
    since: float
    """Unix time at which it was first seen."""
    action: Literal["", "reload", "unmute", "values"] = ""
    """What a button can do about it."""
    code: str = ""
    """A line of the configuration that helps."""


class NowState(ProtocolModel):
    """The state of all parts, or of those that have changed."""

    type: Literal["now"] = "now"
    full: bool
    """Whether it replaces the known facts."""
    time: float
    """Seconds on a monotonic clock, for rates."""
    order: Sequence[str] | None
    """The ids of all parts in the order of the configuration; None if that is unchanged."""
    links: Sequence[Sequence[str]]
    """With ``order``: pairs of a source and a sink that no route of the configuration connects."""
    parts: Sequence[PartState]
    problems: Sequence[Problem] | None
    """None if they are unchanged."""
    variables: Mapping[str, Scalar] | None


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


class TreeNode(ProtocolModel):
    """A branch of the tree of addresses."""

    name: str
    count: int
    """Addresses at it and below."""
    leaf: bool
    """Whether it has no children."""


class ValuesState(ProtocolModel):
    """A window of the list of addresses, or the changes in it."""

    type: Literal["values"] = "values"
    time: float
    """Unix time."""
    total: int
    """Addresses that are known."""
    live: int
    stale: int
    found: int
    """Addresses that fit the query."""
    first: int
    order: Sequence[str] | None
    """The addresses of the window; None if they are unchanged."""
    rows: Sequence[ValueRow]
    tree: Mapping[str, Sequence[TreeNode]] | None
    """The children of open branches; None if they are unchanged."""
    sources: Sequence[str] | None
    forgotten: int


ServerMessage: TypeAlias = Annotated[
    Welcome
    | Denied
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
