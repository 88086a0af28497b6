"""The context of a message on disk: everything but its address and arguments.

Messages that take the same way share one context, so it is encoded and decoded once for many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oscbridge.bridge.captures_encoding import ANY_SIZE, decode_captures, encode_captures
from oscbridge.bridge.hops import decode_origin, encode_origin
from oscbridge.errors import DecodeError
from oscbridge.osc import Argument, Origin, TimeTag, decode_message
from oscbridge.osc.message import encode_values

__all__ = ["ANY_SIZE", "MessageContext", "decode_context", "decode_context_v1"]


class MessageContext(NamedTuple):
    """Time tag, origin, and what the route passes to the endpoint."""

    timetag: TimeTag | None
    origin: Origin | None
    is_routed: bool = False
    options: str | None = None
    """The route's options for this type of endpoint, as JSON."""
    captures: Mapping[str, str] = {}

    def encode(self) -> bytes:
        """Raises :class:`~oscbridge.errors.EncodeError`."""
        route: Argument = None
        if self.is_routed:
            route = [self.options, encode_captures(self.captures)]
        timetag = None if self.timetag is None else TimeTag(self.timetag)
        return encode_values("/context", [timetag, encode_origin(self.origin), route])


def decode_context(data: bytes) -> MessageContext:
    """Raises :class:`DecodeError` for anything but an encoded context."""
    record = decode_message(data, ANY_SIZE)
    match record.address, record.args:
        case "/context", (None | TimeTag() as timetag, origin, None):
            return MessageContext(timetag, decode_origin(origin))
        case "/context", (None | TimeTag() as timetag, origin, [None | str() as options, captures]):
            text = None if options is None else str(options)
            found = decode_captures(captures)
            return MessageContext(timetag, decode_origin(origin), True, text, found)
    raise DecodeError("record", f"not a valid context: {record.address} ,{record.types}")


def decode_context_v1(data: bytes) -> MessageContext:
    """The same for format 1, which was a record of a forking bridge around a message ``/``."""
    record = decode_message(data, ANY_SIZE)
    match record.address, record.args:
        case "/emitted", (int(route), origin, None | TimeTag() as timetag, bytes(inner), captures):
            options: str | None = None
            match decode_message(inner, ANY_SIZE).args:
                case (str(text),):
                    options = text
            found = decode_captures(captures)
            return MessageContext(timetag, decode_origin(origin), route >= 0, options, found)
    raise DecodeError("record", f"not a valid context: {record.address} ,{record.types}")
