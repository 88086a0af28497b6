"""The messages of the view Learn, both ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from oscbridge_ui.editing.messages import EditWanted
from oscbridge_ui.protocol_base import CommandId, Name, ProtocolModel, Text

__all__ = [
    "AddressesAnswer",
    "FindAddresses",
    "LearnAgain",
    "LearnChoose",
    "LearnOptions",
    "LearnTarget",
    "LearnTest",
    "LearningCandidate",
    "LearningEnd",
    "LearningMessage",
    "LearningProposal",
    "LearningStatus",
    "OfferedAddress",
    "WatchLearning",
]

LearnRole: TypeAlias = Literal["source", "target"]


class WatchLearning(ProtocolModel):
    """Begin to learn a route. Requires the right ``configure``, as all of this view."""

    type: Literal["watch_learning"]


class LearnChoose(ProtocolModel):
    """Take a candidate as the control that was moved."""

    type: Literal["learn_choose"]
    id: CommandId
    role: LearnRole
    key: Text


class LearnTarget(ProtocolModel):
    """Take an address as the target, without moving it."""

    type: Literal["learn_target"]
    id: CommandId
    part: Name
    address: Text


class LearnAgain(ProtocolModel):
    """Move the control, or the target, again."""

    type: Literal["learn_again"]
    id: CommandId
    role: LearnRole


class LearnOptions(ProtocolModel):
    """Change the proposal."""

    type: Literal["learn_options"]
    id: CommandId
    both: bool = False
    """Whether there is a way back."""
    name: Name = ""
    """The name of the route; empty for a proposed one."""


class LearnTest(ProtocolModel):
    """Send a value to the target."""

    type: Literal["learn_test"]
    id: CommandId
    share: Annotated[float, Field(ge=0, le=1)]
    """From its lowest (0) to its highest (1) value."""


class FindAddresses(ProtocolModel):
    """Find known addresses of a target."""

    type: Literal["find_addresses"]
    id: CommandId
    part: Name
    query: Name = ""
    """Words that the address or its description contains; all of them."""


LearningMessage: TypeAlias = (
    WatchLearning
    | LearnChoose
    | LearnTarget
    | LearnAgain
    | LearnOptions
    | LearnTest
    | FindAddresses
)
"""A message from the page."""


class LearningCandidate(ProtocolModel):
    """A control that may have been moved."""

    key: str
    part: str
    address: str
    """With the values that select it: ``/control 1 7``."""
    title: str
    types: str
    why: str
    """Why it is likely, or not."""
    share: float
    """How likely it is, from 0 to 1."""
    is_moving: bool
    encoder: str
    """How it encodes steps, if it is an encoder."""


class LearningEnd(ProtocolModel):
    """The control, or the target."""

    part: str
    address: str
    title: str
    types: str
    range: str
    encoder: str


class LearningProposal(ProtocolModel):
    """What would be added to the configuration."""

    name: str = ""
    error: str = ""
    """Why there is none."""
    notes: Sequence[str] = ()
    toml: str = ""
    edits: Sequence[EditWanted] = ()
    """The edits that add it; a change of an endpoint has the keys that it sets, alone."""


class LearningStatus(ProtocolModel):
    """The state of learning, and the route that is proposed."""

    type: Literal["learning"] = "learning"
    waiting_for: LearnRole | None
    """The side whose control is to be moved now."""
    listening: float
    """Seconds in which nothing should be moved yet."""
    candidates: Sequence[LearningCandidate]
    ignored: int
    """Controls that send by themselves."""
    source: LearningEnd | None
    target: LearningEnd | None
    both: bool
    proposal: LearningProposal | None


class OfferedAddress(ProtocolModel):
    """An address that a target understands."""

    address: str
    text: str
    """Its types, range and description."""


class AddressesAnswer(ProtocolModel):
    """Known addresses of a target."""

    type: Literal["known_addresses"] = "known_addresses"
    id: int
    addresses: Sequence[OfferedAddress]
    total: int
    """The number of those that fit."""
