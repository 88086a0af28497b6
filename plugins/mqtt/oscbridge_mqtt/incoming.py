"""The incoming packets that paho alone cannot handle; see :mod:`oscbridge_mqtt.session`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["IncomingFilter"]

PUBLISH: Final = 0x30
PUBCOMP: Final = 0x70
"""The upper four bits of a packet's first byte (MQTT 5.0, section 2.1.2)."""

QOS: Final = 0x06
"""The bits of a PUBLISH packet's first byte with its QoS (section 3.3.1.2)."""

MAX_LENGTH_BYTES: Final = 4
"""Most bytes of a packet's remaining length (section 2.1.4)."""


class IncomingFilter:
    """Truncates oversized payloads, and reports completed QoS 2 deliveries.

    With ``max_payload``, a PUBLISH packet with a larger payload keeps one byte more than that:
    enough to be recognised as oversized, and acknowledged like any other. Everything else passes
    through unchanged.
    """

    def __init__(self, max_payload: int | None) -> None:
        self.on_pubcomp: Callable[[int], None] | None = None
        """Called with the packet identifier of each PUBCOMP."""
        self._max_payload = max_payload
        self._undecided = b""
        self._keep = 0
        """Bytes of the current packet that are still to be passed on."""
        self._drop = 0
        """Bytes of the current packet that are still to be dropped, after those."""

    def feed(self, data: bytes) -> bytes:
        """Filter the next piece of the stream."""
        if self._undecided:
            data, self._undecided = self._undecided + data, b""
        passed: list[bytes] = []
        position = 0
        while position < len(data):
            if not self._keep and not self._drop:
                start = self._begin(data, position, passed)
                if start is None:
                    self._undecided = data[position:]
                    break
                position = start
            end = min(position + self._keep, len(data))
            passed.append(data[position:end])
            self._keep -= end - position
            position = min(end + self._drop, len(data))
            self._drop -= position - end
        return b"".join(passed)

    def _begin(self, data: bytes, position: int, passed: list[bytes]) -> int | None:
        """Pass on a packet's fixed header. Returns where its body starts, None if unknown yet."""
        header = _body_of(data, position)
        if header is None:
            return None
        start, size = header
        first, largest = data[position], self._max_payload
        is_oversized = first & 0xF0 == PUBLISH and largest is not None and size > largest
        is_pubcomp = first & 0xF0 == PUBCOMP and size >= 2
        if (is_oversized or is_pubcomp) and len(data) < start + 2:
            return None
        self._keep = size
        if is_pubcomp and self.on_pubcomp is not None:
            self.on_pubcomp(int.from_bytes(data[start : start + 2]))
        if not is_oversized or largest is None:
            passed.append(data[position:start])
            return start
        topic = int.from_bytes(data[start : start + 2])
        self._keep = min(size, 2 + topic + (2 if first & QOS else 0) + largest + 1)
        self._drop = size - self._keep
        passed.append(bytes([first]) + _length_bytes(self._keep))
        return start


def _body_of(data: bytes, position: int) -> tuple[int, int] | None:
    """Where a packet's body starts, and its size, as soon as the length is complete."""
    size = 0
    first = position + 1
    for index in range(first, first + MAX_LENGTH_BYTES):
        if index >= len(data):
            return None
        size |= (data[index] & 0x7F) << 7 * (index - first)
        if not data[index] & 0x80:
            return index + 1, size
    return first + MAX_LENGTH_BYTES, 0  # not MQTT: paho reports it


def _length_bytes(size: int) -> bytes:
    """A variable byte integer (section 1.5.5)."""
    out = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        out.append(digit | 0x80 if size else digit)
        if not size:
            return bytes(out)
