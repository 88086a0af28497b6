"""Frames between the bridge and the worker process that owns its MIDI ports. Pure.

A frame is a kind (one byte), the length of its payload (32 bits, little-endian), and the payload.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

__all__ = [
    "BAD",
    "CALL",
    "ENDED",
    "ERROR",
    "HEADER",
    "MESSAGES",
    "MIN_SPEED",
    "OVERFLOW",
    "RECEIVED",
    "RESULT",
    "make_frame",
    "pack_messages",
    "pack_received",
    "unpack_messages",
    "unpack_received",
]

HEADER: Final = struct.Struct("<cI")
_LENGTH: Final = struct.Struct("<I")
_TIME: Final = struct.Struct("<Q")

CALL: Final = b"c"
"""To the worker: the name of a call and its arguments, as JSON."""
MESSAGES: Final = b"m"
"""To the worker: MIDI messages to send."""
RESULT: Final = b"r"
"""The response to either of these, as JSON."""
ERROR: Final = b"e"
"""Instead of a result: the name of an error's class and its text, as JSON."""
RECEIVED: Final = b"h"
"""A received MIDI message and the Unix time of its arrival."""
BAD: Final = b"b"
"""Received bytes that are not a message: the reason and a text, as JSON."""
OVERFLOW: Final = b"f"
"""The number of received messages that were dropped, as JSON."""
ENDED: Final = b"g"
"""The MIDI system has ended, and the worker ends; the reason, as JSON."""

MIN_SPEED: Final = 2_000.0
"""Bytes per second that every port can send: a DIN cable carries 3,125."""


def make_frame(kind: bytes, payload: bytes = b"") -> bytes:
    """A complete frame."""
    return HEADER.pack(kind, len(payload)) + payload


def pack_messages(messages: Sequence[bytes]) -> bytes:
    """The payload for MIDI messages."""
    return b"".join([_LENGTH.pack(len(data)) + data for data in messages])


def unpack_messages(payload: bytes) -> list[bytes]:
    """The MIDI messages of :func:`pack_messages`."""
    found = []
    position = 0
    while position < len(payload):
        [length] = _LENGTH.unpack_from(payload, position)
        position += _LENGTH.size
        found.append(payload[position : position + length])
        position += length
    return found


def pack_received(data: bytes, when_ns: int) -> bytes:
    """The frame for a received message."""
    return make_frame(RECEIVED, _TIME.pack(when_ns) + data)


def unpack_received(payload: bytes) -> tuple[bytes, int]:
    """The received message, and its Unix time in nanoseconds."""
    [when] = _TIME.unpack_from(payload)
    return payload[_TIME.size :], when
