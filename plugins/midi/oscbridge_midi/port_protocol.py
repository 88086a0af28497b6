"""What goes between the bridge and the process that has its MIDI ports. Pure.

A frame is a letter, the length of what follows, and that.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

__all__ = [
    "CALL",
    "FAULT",
    "FULL",
    "GONE",
    "HEADER",
    "HEARD",
    "MESSAGES",
    "RESULT",
    "SLOWEST",
    "frame",
    "heard",
    "pack",
    "read_heard",
    "unpack",
]

HEADER: Final = struct.Struct("<cI")
_LENGTH: Final = struct.Struct("<I")
_TIME: Final = struct.Struct("<Q")

CALL: Final = b"c"
"""To the process: something to be done, as JSON."""
MESSAGES: Final = b"m"
"""To the process: MIDI messages to be sent."""
RESULT: Final = b"r"
"""The answer to each of these, as JSON."""
FAULT: Final = b"e"
"""Instead of it: the kind of an error, and its text, as JSON."""
HEARD: Final = b"h"
"""A message that came in, and the Unix time at which it came."""
FULL: Final = b"f"
"""How many messages came in that there was no room for, as JSON."""
GONE: Final = b"g"
"""The MIDI system has ended, and the process does; why, as JSON."""

SLOWEST: Final = 2_000.0
"""Bytes a second that a port takes at least: a DIN cable carries 3,125."""


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """A whole frame."""
    return HEADER.pack(kind, len(payload)) + payload


def pack(messages: Sequence[bytes]) -> bytes:
    """MIDI messages, one behind the other."""
    return b"".join([_LENGTH.pack(len(data)) + data for data in messages])


def unpack(payload: bytes) -> list[bytes]:
    """The MIDI messages of :func:`pack`."""
    found = []
    position = 0
    while position < len(payload):
        [length] = _LENGTH.unpack_from(payload, position)
        position += _LENGTH.size
        found.append(payload[position : position + length])
        position += length
    return found


def heard(data: bytes, when_ns: int) -> bytes:
    """The frame for a message that came in."""
    return frame(HEARD, _TIME.pack(when_ns) + data)


def read_heard(payload: bytes) -> tuple[bytes, int]:
    """The message that came in, and when."""
    [when] = _TIME.unpack_from(payload)
    return payload[_TIME.size :], when
