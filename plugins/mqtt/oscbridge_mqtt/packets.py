"""The few MQTT packets that are not paho's.

See :mod:`oscbridge_mqtt.connection` for the reasons.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

__all__ = [
    "PUBACK",
    "PUBCOMP",
    "PUBLISH",
    "PUBLISH_QOS",
    "is_publish_qos_0",
    "length_bytes",
    "publish_first",
    "publish_packet",
    "pubrel_packets",
    "topic_header",
]

PUBLISH: Final = 0x30
PUBACK: Final = 0x40
PUBCOMP: Final = 0x70
"""The upper four bits of a packet's first byte (MQTT 5.0, section 2.1.2)."""

PUBLISH_QOS: Final = 0x06
"""The bits of a PUBLISH packet's first byte with its QoS (section 3.3.1.2)."""

PUBREL: Final = 0x62
"""The first byte of a PUBREL packet (section 3.6.1)."""

_UINT16: Final = struct.Struct(">H")
_PUBREL: Final = struct.Struct(">BBH")


@lru_cache(maxsize=4_096)
def length_bytes(size: int) -> bytes:
    """A variable byte integer (section 1.5.5)."""
    out = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        out.append(digit | 0x80 if size else digit)
        if not size:
            return bytes(out)


def topic_header(topic: str) -> bytes:
    """The start of a PUBLISH packet's variable header."""
    raw = topic.encode()
    return _UINT16.pack(len(raw)) + raw


def publish_first(qos: int, retain: bool) -> bytes:
    """The first byte of a PUBLISH packet."""
    return bytes([PUBLISH | qos << 1 | retain])


def publish_packet(first: bytes, header: bytes, payload: bytes, mid: int, is_5: bool) -> bytes:
    """A PUBLISH packet (section 3.3), with the packet identifier ``mid`` unless that is 0.

    ``first`` is of :func:`publish_first`, ``header`` of :func:`topic_header`.
    """
    if mid:
        header += _UINT16.pack(mid)
    if is_5:
        header += b"\0"  # no properties
    return first + length_bytes(len(header) + len(payload)) + header + payload


def is_publish_qos_0(packet: bytes) -> bool:
    """Whether a packet is a PUBLISH with QoS 0."""
    return packet[0] & (0xF0 | PUBLISH_QOS) == PUBLISH


def pubrel_packets(identifiers: Iterable[int]) -> bytes:
    """A PUBREL packet for each packet identifier (section 3.6)."""
    return b"".join([_PUBREL.pack(PUBREL, 2, mid) for mid in identifiers])
