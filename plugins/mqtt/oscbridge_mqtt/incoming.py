"""Handles the incoming packets that paho must not or cannot handle.

See :mod:`oscbridge_mqtt.connection` for the reasons.
"""

from __future__ import annotations

from typing import Final, Protocol

from oscbridge_mqtt.packets import PUBACK, PUBCOMP, PUBLISH, PUBLISH_QOS, length_bytes

__all__ = ["AnswerListener", "IncomingFilter"]

MAX_LENGTH_BYTES: Final = 4
"""Most bytes of a packet's remaining length (MQTT 5.0, section 2.1.4)."""


ANSWERS: Final = (PUBACK, PUBCOMP)


class AnswerListener(Protocol):
    """Receives the broker's answers to packets that paho did not send."""

    def on_answer(self, kind: int, mid: int, reason: int) -> bool:
        """The broker sent PUBACK or PUBCOMP with a packet identifier and a reason code.

        Returns whether that was an answer to one of our own packets.
        """


class IncomingFilter:
    """Removes the answers to our own packets, and truncates oversized payloads.

    With ``max_payload``, a PUBLISH packet with a larger payload keeps one byte more than that:
    enough to be recognised as oversized, and acknowledged like any other. Everything else passes
    through unchanged.
    """

    def __init__(self, listener: AnswerListener, max_payload: int | None = None) -> None:
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
        position, on_answer = 0, self._listener.on_answer
        size = len(data)
        while position < size:
            if not self._keep and not self._drop:
                # The most common packets, complete: this branch is for speed only.
                first = data[position]
                if first in ANSWERS and position + 4 <= size:
                    end = position + 2 + data[position + 1]
                    if position + 4 <= end <= size and data[position + 1] < 0x80:
                        reason = data[position + 4] if end > position + 4 else 0
                        mid = data[position + 2] << 8 | data[position + 3]
                        if not on_answer(first, mid, reason):
                            passed.append(data[position:end])
                        position = end
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
        needed = min(size, 2 if kind == PUBLISH else 3)
        if kind in (*ANSWERS, PUBLISH) and len(data) < start + needed:
            return None
        self._keep = size
        if size < 2:
            pass  # no packet identifier or topic: paho reports it
        elif kind in ANSWERS:
            # Without a reason code it is success (sections 3.4.2.1 and 3.7.2.1).
            reason = data[start + 2] if size > 2 else 0
            if self._listener.on_answer(kind, _uint16(data, start), reason):
                self._keep, self._drop = 0, size
                return start
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
