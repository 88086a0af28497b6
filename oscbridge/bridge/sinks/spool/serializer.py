"""Messages to and from payloads of records, with everything needed to deliver them later."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from oscbridge.bridge.hops import hops_of
from oscbridge.bridge.sinks.spool.context import (
    ANY_SIZE,
    MessageContext,
    decode_context,
    decode_context_v1,
)
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.contract.options import Options
from oscbridge.errors import DecodeError
from oscbridge.osc import Origin, TimeTag, decode_message, encode_message
from oscbridge.templates.carried import CarryingCaptures

__all__ = ["SpoolSerializer", "payloads_v1"]

MAX_CONTEXTS: Final = 1_024
"""Contexts of messages that are kept, so that each is encoded and decoded once."""

_LENGTH: Final = struct.Struct(">I")
_LENGTHS_V1: Final = struct.Struct(">II")
_PLAIN: Final[tuple[None, Mapping[str, str]]] = (None, {})


class _CachedContext(NamedTuple):
    options: object
    captures: object  # both referenced here, as they are identified by their ids
    data: bytes


class _Surroundings(NamedTuple):
    timetag: TimeTag | None
    origin: Origin | None
    options: Options | None
    captures: Mapping[str, str]


class SpoolSerializer:
    """Encodes and decodes the messages, or with ``route_options`` deliveries, to one endpoint.
    Not thread-safe.

    A payload is the length of the context, the context, and the message as an OSC packet.
    """

    def __init__(self, route_options: type[Options] | None) -> None:
        self._route_options = route_options
        self._encoded: dict[tuple[object, ...], _CachedContext] = {}
        self._decode_context = lru_cache(MAX_CONTEXTS)(self._surroundings)
        self._decode_options = lru_cache(MAX_CONTEXTS)(self._options)

    def encode(self, item: Deliverable) -> bytes:
        """Return a payload. Raises ``ValueError`` (:class:`EncodeError`, or pydantic's)."""
        message = item.message if isinstance(item, Delivery) else item
        carries = isinstance(item, Delivery) and isinstance(item.captures, CarryingCaptures)
        if message.timetag is None and not carries:  # the context of others is their own
            context = self._cached_context(item, message.origin)
        else:
            context = _context_of(item).encode()
        return b"".join((_LENGTH.pack(len(context)), context, encode_message(message)))

    def decode(self, payload: bytes) -> Deliverable:
        """Raises ``ValueError`` or :class:`DecodeError`."""
        start = _LENGTH.size
        if len(payload) < start:
            raise DecodeError("size", "the record ends too soon")
        end = start + _LENGTH.unpack_from(payload)[0]
        if end > len(payload):
            raise DecodeError("size", "the context ends after the record")
        return self._message(payload[start:end], payload[end:], decode_context)

    def decode_v1(self, payload: bytes) -> Deliverable:
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
    ) -> Deliverable:
        timetag, origin, options, captures = self._decode_context(context, decode)
        message = decode_message(body, ANY_SIZE, timetag, origin)
        return message if self._route_options is None else Delivery(message, options, captures)

    def _surroundings(
        self, data: bytes, decode: Callable[[bytes], MessageContext]
    ) -> _Surroundings:
        context = decode(data)
        options = None
        if context.options is not None:  # with carried values each message has its own context
            is_shared = isinstance(context.captures, CarryingCaptures)
            options = (self._decode_options if is_shared else self._options)(context.options)
        return _Surroundings(context.timetag, context.origin, options, context.captures)

    def _options(self, text: str) -> Options:
        if self._route_options is None:
            raise DecodeError("record", "the endpoint accepts no options of routes")
        return self._route_options.model_validate_json(text)

    def _cached_context(self, item: Deliverable, origin: Origin | None) -> bytes:
        options, captures = (item.options, item.captures) if isinstance(item, Delivery) else _PLAIN
        key = (id(options), id(captures), origin, hops_of(origin))
        cached = self._encoded.get(key)
        if cached is None:
            if len(self._encoded) >= MAX_CONTEXTS:
                self._encoded.clear()
            data = _context_of(item).encode()
            cached = self._encoded[key] = _CachedContext(options, captures, data)
        return cached.data


def _context_of(item: Deliverable) -> MessageContext:
    if not isinstance(item, Delivery):
        return MessageContext(item.timetag, item.origin)
    message, options, captures = item
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
