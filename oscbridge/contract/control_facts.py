"""What an endpoint says about the control that a message came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from oscbridge.osc import Argument
from oscbridge.toml_text import TomlValue

__all__ = ["ControlFacts", "ControlId", "JoinedControl"]


class ControlId(NamedTuple):
    """What identifies a control among those of one bridge or endpoint."""

    address: str
    leading: tuple[Argument, ...] = ()
    """The first arguments of its messages, which are the same in all of them: ``(1, 7)`` of
    ``/control 1 7 64``."""


@dataclass(frozen=True)
class ControlFacts:
    """What an endpoint knows about the control that a message came from."""

    control: ControlId
    title: str = ""
    """Human-readable: ``controller 7, channel 1``."""
    minimum: float | None = None
    maximum: float | None = None
    """The range of its value, if it has one."""
    is_whole: bool = True
    """Whether its values are whole numbers."""
    release: str = ""
    """The address of the messages that end it, e.g. ``/note_off``; the value is then 0."""
    may_be_relative: bool = False
    """Whether its values may be steps of an encoder instead of a position."""
    upper: ControlId | None = None
    """The control that has the upper half of a value, if this one may have the lower half."""


@dataclass(frozen=True)
class JoinedControl:
    """One control that sends each value in two halves."""

    facts: ControlFacts
    options: Mapping[str, TomlValue] = field(default_factory=dict)
    """Options of the endpoint that join the halves; empty if they are set."""
