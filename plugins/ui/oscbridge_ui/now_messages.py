"""The messages from the bridge about its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from oscbridge_ui.protocol_base import ProtocolModel, Scalar

__all__ = [
    "BridgePart",
    "EndpointPart",
    "NowState",
    "PartHistory",
    "PartState",
    "Problem",
    "Pulse",
    "ReceivedState",
    "RoleState",
    "RoutePart",
    "TotalHistory",
]


class Pulse(ProtocolModel):
    """Sent every second, whatever is watched."""

    type: Literal["pulse"] = "pulse"
    time: float
    """Unix time; it does not jump when the clock is set."""
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
    standby: int
    """Messages that another bridge delivers."""
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


class RoleState(ProtocolModel):
    """Whether this bridge delivers, or another one with the same lease."""

    role: Literal["leader", "standby", ""]
    """Empty for a bridge without a backup."""
    holder: str
    """The name of the bridge that delivers; empty if it is not known."""


class TotalHistory(ProtocolModel):
    """Rates of the last minutes, one per second, the last that of now; None is not known."""

    received: Sequence[float | None]
    sent: Sequence[float | None]
    waiting: Sequence[float | None]
    """Messages that waited, instead of a rate."""
    lost: Sequence[float | None]


class PartHistory(ProtocolModel):
    """The same of one part."""

    id: str
    incoming: Sequence[float | None]
    outgoing: Sequence[float | None]


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
    role: RoleState | None
    """None if it is unchanged, or the token is limited."""
    totals: TotalHistory | None
    """With the whole state, unless the token is limited."""
    part: PartHistory | None
    """That of the part that was asked for, once."""
