"""Handles the incoming packets that paho must not or cannot handle.

See :mod:`oscbridge_mqtt.connection` for the reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from oscbridge_mqtt.packets import PUBACK, PUBCOMP, PUBLISH, PUBLISH_QOS, length_bytes

__all__ = ["IncomingFilter", "PacketListener"]

MAX_LENGTH_BYTES: Final = 4
"""Most bytes of a packet's remaining length (MQTT 5.0, section 2.1.4)."""


class PacketListener(Protocol):
    """Receives the answers of the broker that paho does not handle."""

    @property
    def on_puback(self) -> Callable[[int, int], None]:
        """Called with a packet identifier and a reason code: the broker acknowledged or rejected
        a message with QoS 1."""

    def on_pubcomp(self, mid: int) -> None:
        """The broker completed a delivery with QoS 2."""


class IncomingFilter:
    """Removes PUBACK packets, reports PUBCOMP packets, and truncates oversized payloads.

    With ``max_payload``, a PUBLISH packet with a larger payload keeps one byte more than that:
    enough to be recognised as oversized, and acknowledged like any other. Everything else passes
    through unchanged.
    """

    def __init__(self, listener: PacketListener, max_payload: int | None = None) -> None:
        self._listener = listener
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
        position, on_puback = 0, self._listener.on_puback
        size = len(data)
        while position < size:
            if not self._keep and not self._drop:
                # The most common packet, complete: this branch is for speed only.
                if data[position] == PUBACK and position + 4 <= size:
                    length = data[position + 1]
                    if 2 <= length < 0x80 and position + 2 + length <= size:
                        reason = data[position + 4] if length > 2 else 0
                        on_puback(data[position + 2] << 8 | data[position + 3], reason)
                        position += 2 + length
                        continue
                start = self._begin(data, position, passed)
                if start is None:
                    self._undecided = data[position:]
                    break
                position = start
            end = min(position + self._keep, size)
            if end > position:
                passed.append(data[position:end])
                self._keep -= end - position
            position = min(end + self._drop, size)
            self._drop -= position - end
        return b"".join(passed)

    def _begin(self, data: bytes, position: int, passed: list[bytes]) -> int | None:
        """Pass on a packet's fixed header. Returns where its body starts, None if unknown yet."""
        header = _body_of(data, position)
        if header is None:
            return None
        start, size = header
        kind = data[position] & 0xF0
        needed = min(size, 3 if kind == PUBACK else 2)
        if kind in (PUBACK, PUBCOMP, PUBLISH) and len(data) < start + needed:
            return None
        self._keep = size
        if size < 2:
            pass  # no packet identifier or topic: paho reports it
        elif kind == PUBACK:
            # Without a reason code the message is accepted (section 3.4.2.1).
            reason = data[start + 2] if size > 2 else 0
            self._keep, self._drop = 0, size
            self._listener.on_puback(_uint16(data, start), reason)
            return start
        elif kind == PUBCOMP:
            self._listener.on_pubcomp(_uint16(data, start))
        elif kind == PUBLISH and self._max_payload is not None and size > self._max_payload:
            identifier = 2 if data[position] & PUBLISH_QOS else 0
            largest = 2 + _uint16(data, start) + identifier + self._max_payload + 1
            self._keep = min(size, largest)
            self._drop = size - self._keep
            passed.append(data[position : position + 1] + length_bytes(self._keep))
            return start
        passed.append(data[position:start])
        return start


def _uint16(data: bytes, position: int) -> int:
    return data[position] << 8 | data[position + 1]


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
