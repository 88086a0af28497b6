"""Messages as bytes, with all that came with them, to be delivered after a restart."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from oscbridge.bridge.sources.forked.ipc_protocol import Emission, read_record
from oscbridge.endpoint import Options, Routed
from oscbridge.errors import DecodeError
from oscbridge.osc import Limits, Message, decode_message, encode_message

__all__ = ["SpoolSerializer", "pack", "unpack"]

REMEMBERED: Final = 1_024
"""Surroundings of messages that are kept, to be written and read once."""

LARGEST: Final = 1 << 30
"""Bytes of a message that can be read again, far more than a bridge takes in."""

_LIMITS: Final = Limits(LARGEST, 100, LARGEST, LARGEST, LARGEST)
_LENGTHS: Final = struct.Struct(">II")


class _Known(NamedTuple):
    route: object  # held, as it is known by its id
    data: bytes


class SpoolSerializer:
    """Writes and reads the messages to one endpoint. For one thread.

    A message is its surroundings and its body. The surroundings are its time tag, its origin
    and what its route says; messages that come by one way share them. The body is the message
    as OSC has it.
    """

    def __init__(self, route_options: type[Options] | None) -> None:
        self._route_options = route_options
        self._known: dict[tuple[int, object], _Known] = {}
        self._read = lru_cache(REMEMBERED)(self._read_surroundings)

    def encode(self, message: Message) -> bytes:
        """Raises ``ValueError`` (:class:`EncodeError`, or pydantic's) if that cannot be."""
        if message.timetag is None:
            around = self._remembered(message)
        else:
            around = self._surroundings(message)
        body = encode_message(message)
        return _LENGTHS.pack(len(around), len(body)) + around + body

    def decode(self, data: bytes) -> Message:
        """Raises ``ValueError`` or :class:`DecodeError`."""
        if len(data) < _LENGTHS.size:
            raise DecodeError("size", "it ends too soon")
        start, size = _LENGTHS.unpack_from(data)
        start += _LENGTHS.size
        if start + size != len(data):
            raise DecodeError("size", "it has another length")
        timetag, origin, route = self._read(data[_LENGTHS.size : start])[3:]
        return Message(*decode_message(data[start:], _LIMITS, timetag, origin)[:5], route)

    def _remembered(self, message: Message) -> bytes:
        key = (id(message.route), message.origin)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            known = self._known[key] = _Known(message.route, self._surroundings(message))
        return known.data

    def _surroundings(self, message: Message) -> bytes:
        number, options, captures = -1, None, {}
        if isinstance(message.route, Routed):
            number, captures = 0, dict(message.route.captures)
            if message.route.options is not None:
                options = message.route.options.model_dump_json(exclude_unset=True, by_alias=True)
        types = "N" if options is None else "s"
        around = Message("/", types, (options,), message.timetag, message.origin)
        return Emission(number, around, captures).encode()

    def _read_surroundings(self, data: bytes) -> Message:
        """As a message without a body, its route in place."""
        record = read_record(data)
        if not isinstance(record, Emission):
            raise DecodeError("record", "these are no surroundings of a message")
        if record.route < 0:
            return record.message._replace(args=())
        options = None
        match record.message.args:
            case (str(text),):
                if self._route_options is None:
                    raise DecodeError("record", "the endpoint takes no options of routes")
                options = self._route_options.model_validate_json(text)
        return record.message._replace(args=(), route=Routed(options, record.captures))


def pack(records: Sequence[bytes]) -> bytes:
    """Several records as one."""
    return b"".join(part for each in records for part in (len(each).to_bytes(4, "big"), each))


def unpack(data: bytes) -> Iterator[bytes]:
    """The records again, as far as they are whole."""
    start = 0
    while start + 4 <= len(data):
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            return
        yield data[start + 4 : end]
        start = end
