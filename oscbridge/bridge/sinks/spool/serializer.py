"""Messages to and from payloads of records, with everything needed to deliver them later."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from oscbridge.bridge.sinks.spool.context import (
    ANY_SIZE,
    MessageContext,
    decode_context,
    decode_context_v1,
)
from oscbridge.endpoint import Options, Routed
from oscbridge.errors import DecodeError
from oscbridge.osc import Message, decode_message, encode_message

__all__ = ["SpoolSerializer", "payloads_v1"]

MAX_CONTEXTS: Final = 1_024
"""Contexts of messages that are kept, so that each is encoded and decoded once."""

_LENGTH: Final = struct.Struct(">I")
_LENGTHS_V1: Final = struct.Struct(">II")


class _CachedContext(NamedTuple):
    route: object  # referenced here, as it is identified by its id
    data: bytes


class _Surroundings(NamedTuple):
    context: MessageContext
    route: Routed | None


class SpoolSerializer:
    """Encodes and decodes the messages to one endpoint. Not thread-safe.

    A payload is the length of the context, the context, and the message as an OSC packet.
    """

    def __init__(self, route_options: type[Options] | None) -> None:
        self._route_options = route_options
        self._encoded: dict[tuple[int, object], _CachedContext] = {}
        self._decode_context = lru_cache(MAX_CONTEXTS)(self._surroundings)

    def encode(self, message: Message) -> bytes:
        """Return a payload. Raises ``ValueError`` (:class:`EncodeError`, or pydantic's)."""
        if message.timetag is None:
            context = self._cached_context(message)
        else:
            context = _context_of(message).encode()
        return b"".join((_LENGTH.pack(len(context)), context, encode_message(message)))

    def decode(self, payload: bytes) -> Message:
        """Raises ``ValueError`` or :class:`DecodeError`."""
        start = _LENGTH.size
        if len(payload) < start:
            raise DecodeError("size", "the record ends too soon")
        end = start + _LENGTH.unpack_from(payload)[0]
        if end > len(payload):
            raise DecodeError("size", "the context ends after the record")
        return self._message(payload[start:end], payload[end:], decode_context)

    def decode_v1(self, payload: bytes) -> Message:
        """The same for a payload of format 1."""
        start = _LENGTHS_V1.size
        if len(payload) < start:
            raise DecodeError("size", "the record ends too soon")
        context, body = _LENGTHS_V1.unpack_from(payload)
        if start + context + body != len(payload):
            raise DecodeError("size", "the record has another length")
        end = start + context
        return self._message(payload[start:end], payload[end:], decode_context_v1)

    def _message(
        self, context: bytes, body: bytes, decode: Callable[[bytes], MessageContext]
    ) -> Message:
        (timetag, origin, *_), route = self._decode_context(context, decode)
        return Message(*decode_message(body, ANY_SIZE, timetag, origin)[:5], route)

    def _surroundings(
        self, data: bytes, decode: Callable[[bytes], MessageContext]
    ) -> _Surroundings:
        context = decode(data)
        if not context.is_routed:
            return _Surroundings(context, None)
        options = None
        if context.options is not None:
            if self._route_options is None:
                raise DecodeError("record", "the endpoint accepts no options of routes")
            options = self._route_options.model_validate_json(context.options)
        return _Surroundings(context, Routed(options, context.captures))

    def _cached_context(self, message: Message) -> bytes:
        key = (id(message.route), message.origin)
        cached = self._encoded.get(key)
        if cached is None:
            if len(self._encoded) >= MAX_CONTEXTS:
                self._encoded.clear()
            data = _context_of(message).encode()
            cached = self._encoded[key] = _CachedContext(message.route, data)
        return cached.data


def _context_of(message: Message) -> MessageContext:
    if not isinstance(message.route, Routed):
        return MessageContext(message.timetag, message.origin)
    options, captures = message.route
    text = None if options is None else options.model_dump_json(exclude_unset=True, by_alias=True)
    return MessageContext(message.timetag, message.origin, True, text, captures)


def payloads_v1(block: bytes) -> Iterator[bytes]:
    """Yield the payloads of a block of format 1, as far as they are complete."""
    start = 0
    while start + 4 <= len(block):
        end = start + 4 + int.from_bytes(block[start : start + 4], "big")
        if end > len(block):
            return
        yield block[start + 4 : end]
        start = end
