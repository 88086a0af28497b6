"""OSC packets under the names of python-osc, and the types of packets to send."""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol, TypeAlias

from oscbridge.errors import DecodeError as ParseError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import Bundle, Message, encode_packet
from oscbridge.osc.packet import split_packet
from oscbridge.osc.unreadable import UnreadableMessage
from oscbridge.osc_message import LIMITS, OscMessage, bytes_of

__all__ = ["Encoded", "OscPacket", "ParseError", "Sendable", "TimedMessage", "datagram_of"]


class Encoded(Protocol):
    """An encoded packet: OscMessage, OscBundle, or any other object with a datagram."""

    @property
    def dgram(self) -> bytes:
        """The datagram."""


Sendable: TypeAlias = Message | Bundle | Encoded
"""What clients send and bundles contain."""


def datagram_of(content: Sendable) -> bytes:
    """The datagram of a packet. Raises :class:`EncodeError`."""
    if isinstance(content, Message | Bundle):
        return encode_packet(content)
    return content.dgram


class TimedMessage(NamedTuple):
    """A message and its time."""

    time: float
    """Seconds since 1970; for past and immediate time tags, the time of decoding."""
    message: OscMessage


class OscPacket:
    """One packet, read from a datagram. Raises :class:`ParseError`.

    Messages of a bundle with an unknown type tag, or an address that is not UTF-8, are discarded.
    """

    def __init__(self, dgram: bytes) -> None:
        now = time.time()
        self._messages = []
        for part, timetag in split_packet(bytes_of(dgram), LIMITS):
            due = now if timetag is None or timetag.immediate else max(now, timetag.unix())
            try:
                message = OscMessage(part)
            except UnreadableMessage:
                if timetag is None:
                    raise
                continue
            self._messages.append(TimedMessage(due, message))
        self._messages.sort(key=lambda timed: timed.time)

    @property
    def messages(self) -> list[TimedMessage]:
        """The messages of the packet, including those of nested bundles, earliest first."""
        return self._messages


__getattr__ = lazy_names(
    __name__,
    *("oscbridge.osc_bundle", "oscbridge.osc_message", "oscbridge.parsing.osc_types"),
    *("typing.List",),
)
