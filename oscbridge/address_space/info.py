"""The facts about one address; the attributes are those of the OSCQuery proposal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import TypeAlias

__all__ = ["Access", "AddressInfo", "Choice", "ValueRange"]

Choice: TypeAlias = int | float | str
"""A value of an enumeration."""


class Access(IntFlag):
    """Who may do what with the value of an address (OSCQuery, "ACCESS")."""

    NONE = 0
    READ = 1
    """It can be asked for, or is sent without being asked."""
    WRITE = 2
    BOTH = 3


@dataclass(frozen=True, slots=True)
class ValueRange:
    """The values of one argument (OSCQuery, "RANGE"). None means unlimited."""

    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Choice, ...] = ()
    """The only values, if there are any."""


@dataclass(frozen=True, slots=True)
class AddressInfo:
    """The facts about one address."""

    address: str
    types: str = ""
    """Type tags of its values; empty if it has none, as a trigger, or they are not known."""
    ranges: tuple[ValueRange | None, ...] = ()
    """One for each type tag, or none. A single one without ``types`` is that of all numbers."""
    unit: str = ""
    access: Access = Access.BOTH
    description: str = ""
    tags: tuple[str, ...] = ()
    origin: str = ""
    """Where this is known from, e.g. ``profile x32``."""
    curve: str = ""
    """How a value maps to the unit, in words."""
    clip_modes: tuple[str, ...] = ()
    """``none``, ``low``, ``high`` or ``both`` for each type tag, or nothing (OSCQuery)."""
    extended_types: tuple[str, ...] = ()
    """What each value means, e.g. ``color.rgb.r``; empty texts where that is not known."""
    critical: bool = False
    """Whether its messages must not be lost (OSCQuery, "CRITICAL")."""
    overloads: tuple[str, ...] = ()
    """Further type tags that it takes (OSCQuery, "OVERLOADS")."""
