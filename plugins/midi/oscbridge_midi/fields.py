"""From OSC values to the whole numbers of MIDI."""

from __future__ import annotations

import math
from typing import NamedTuple

import oscbridge

__all__ = ["MidiEncodeError", "MidiField", "short", "to_field"]


class MidiEncodeError(ValueError):
    """A message that cannot be written as MIDI. The text says why, in one line."""


class MidiField(NamedTuple):
    """One number of a MIDI message."""

    name: str
    bits: int
    """How wide it is: 0 to 2^bits - 1, from ``first`` on."""
    is_value: bool = False
    """Whether it is a value, which may be clamped. The others select something: a note of
    200 is not meant to be note 127."""
    first: int = 0
    """What people call the lowest: channels count from 1."""

    @property
    def low(self) -> int:
        return self.first

    @property
    def high(self) -> int:
        return self.first + (1 << self.bits) - 1


def to_field(value: oscbridge.Argument, field: MidiField, *, clamp: bool) -> int:
    """A value as it stands in a MIDI message: 0 to 2^bits - 1. Raises :class:`MidiEncodeError`.

    Floats are rounded to the nearest, halves up. True and False are the highest and the
    lowest value. A value out of range is clamped, or refused without ``clamp``; what selects
    something is always refused.
    """
    if type(value) is int:  # not isinstance: there are bool and the time tag
        whole = value
    elif isinstance(value, float) and math.isfinite(value):
        whole = oscbridge.nearest_whole(value)
    elif isinstance(value, bool) and field.is_value:
        whole = field.high if value else field.low
    else:
        raise MidiEncodeError(f"{field.name} is {short(value)}, which is no number")
    low, high = field.first, field.first + (1 << field.bits) - 1
    if low <= whole <= high:
        return whole - low
    if clamp and field.is_value:
        return 0 if whole < low else high - low
    raise MidiEncodeError(f"{field.name} {short(whole)} is not within {low} to {high}")


def short(value: object) -> str:
    """A value for people, not too long."""
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
