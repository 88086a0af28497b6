"""The Python types of OSC arguments that Python itself does not have."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple, TypeAlias

from oscbridge.osc.timetag import TimeTag

__all__ = ["IMPULSE", "MIDI", "Argument", "Color", "Impulse", "Latin1Text"]


class Impulse(enum.Enum):
    """The value of ``I``: "infinitum" in OSC 1.0, "impulse" in OSC 1.1."""

    IMPULSE = "I"


IMPULSE: Final = Impulse.IMPULSE


class MIDI(NamedTuple):
    """The value of ``m``: four bytes, 0 to 255, in the order of the specification."""

    port: int
    status: int
    data1: int = 0
    data2: int = 0


class Latin1Text(str):
    """A string that was not UTF-8 when it was received, and was read as Latin-1.

    It is encoded as OSC with its original bytes, one per character. Whatever changes the text
    makes a plain ``str`` of it.
    """

    __slots__ = ()


class Color(int):
    """The value of ``r``: 32 bits, 0xRRGGBBAA."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Color(0x{int(self):08X})"

    __str__ = int.__repr__  # python-osc has plain integers here


Argument: TypeAlias = (
    "int | float | str | bytes | bool | TimeTag | Color | MIDI | Impulse | list[Argument] | None"
)
