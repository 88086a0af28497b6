"""Converts OSC values to the integers of MIDI messages. Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

import oscbridge

__all__ = ["MidiEncodeError", "MidiField", "UnknownMidiAddress", "short", "to_field"]


class MidiEncodeError(ValueError):
    """A message that cannot be encoded as MIDI. Its text is one line."""


class UnknownMidiAddress(MidiEncodeError):
    """An address that stands for no MIDI message."""


class MidiField(NamedTuple):
    """One number of a MIDI message."""

    name: str
    bits: int
    """Its width: the values are ``first`` to ``first + 2**bits - 1``."""
    is_value: bool = False
    """Whether it is a value, which may be clamped. Others select something: note 200 does not
    mean note 127."""
    first: int = 0
    """The lowest value as users write it: channels count from 1."""

    @property
    def low(self) -> int:
        return self.first

    @property
    def high(self) -> int:
        return self.first + (1 << self.bits) - 1


def to_field(value: oscbridge.Argument, field: MidiField, *, clamp: bool) -> int:
    """The encoded value: 0 to 2^bits - 1. Raises :class:`MidiEncodeError`.

    Floats are rounded to the nearest integer, halves up. True and False become the highest and
    the lowest value. With ``clamp`` a value out of range is clamped; otherwise, and for a field
    that selects something, it is an error.
    """
    if type(value) is int:  # not isinstance, which also accepts bool and TimeTag
        whole = value
    elif isinstance(value, float) and math.isfinite(value):
        whole = oscbridge.nearest_whole(value)
    elif isinstance(value, bool) and field.is_value:
        whole = field.high if value else field.low
    else:
        raise MidiEncodeError(f"{field.name} must be a number, not {short(value)}")
    low, high = field.first, field.first + (1 << field.bits) - 1
    if low <= whole <= high:
        return whole - low
    if clamp and field.is_value:
        return 0 if whole < low else high - low
    raise MidiEncodeError(f"{field.name} must be {low} to {high}, not {short(whole)}")


def short(value: object) -> str:
    """A value for an error message, truncated."""
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
