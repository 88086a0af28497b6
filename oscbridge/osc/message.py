"""OSC messages: an address, type tags, arguments (OSC 1.0, "OSC Messages")."""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from oscbridge.errors import (
    DecodeError,
    EncodeError,
    EncodeRangeError,
    EncodeTypeError,
    LimitError,
    OSCError,
)
from oscbridge.osc.arguments import MAX_CACHED_TYPES, Layout, layout
from oscbridge.osc.lenient import is_bare_address, read_leniently
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.type_tags import infer, pad_string
from oscbridge.osc.unreadable import BadAddress, UnknownTypeTag
from oscbridge.osc.values import Argument, Latin1Text

__all__ = [
    "Head",
    "Message",
    "Origin",
    "check_size",
    "decode_message",
    "encode_message",
    "encode_values",
    "head_key",
    "read_head",
]


class Origin(NamedTuple):
    """Source of a message."""

    source: str
    """Name of a bridge or an endpoint."""
    peer: Hashable = None
    """The peer: a socket address, or another key that identifies a client of an endpoint."""


class Message(NamedTuple):
    """One OSC message. The type tags travel with the values.

    ``types`` has no comma; arrays are in brackets, and lists in ``args``. ``types`` is None for
    a message without a type tag string: then ``args`` is empty, or a single ``bytes`` with the
    rest of the packet after the address.
    """

    address: str
    types: str | None = ""
    args: tuple[Argument, ...] = ()
    timetag: TimeTag | None = None
    """The time tag of the bundle around it."""
    origin: Origin | None = None

    @classmethod
    def of(cls, address: str, *args: Argument, types: str | None = None) -> Message:
        """A message from Python values.

        The type tags are inferred (:func:`oscbridge.osc.infer`) unless given. Raises
        :class:`EncodeError` for a value of a type that OSC does not have. The address and the
        values are validated when the message is encoded.
        """
        return cls(address, infer(args) if types is None else types, args)


class Head(NamedTuple):
    """The first bytes of a message, decoded: everything except the values."""

    address: str
    types: str | None
    start: int
    """Offset of the arguments."""
    layout: Layout


def check_size(data: bytes, limits: Limits) -> None:
    """Raise :class:`LimitError` for a packet of more than ``limits.max_packet_size`` bytes."""
    if len(data) > limits.max_packet_size:
        text = f"packet of {len(data)} bytes; max_packet_size is {limits.max_packet_size}"
        raise LimitError("max_packet_size", text)


def head_key(data: bytes) -> bytes:
    """The bytes that determine a message's head, in most cases.

    They run from the first byte to the NUL that ends the type tags, if the first comma begins
    these. For an address that contains a comma (``/{a,b}``) they are shorter than the head, so
    a key is valid only if :attr:`Head.start` follows from its length.
    """
    return data[: data.find(b"\0", data.find(b","))]


def read_head(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Head:
    """Read the address and the type tags. Raises :class:`DecodeError`."""
    if not data.startswith(b"/"):
        raise DecodeError("address", f"address must start with '/', got {data[:8]!r}")
    end = data.find(b"\0")
    if end < 0:
        raise DecodeError("string", "unterminated address")
    if end > limits.max_address_length:
        text = f"address of {end} bytes; max_address_length is {limits.max_address_length}"
        raise LimitError("max_address_length", text)
    try:
        address = data[:end].decode()
    except UnicodeDecodeError as error:
        raise BadAddress(f"address is not UTF-8: {error}") from None
    comma = (end + 4) & ~3
    if data[comma : comma + 1] != b",":
        if len(address) < end and data[end:comma].strip(b"\0"):
            raise DecodeError("string", "padding of the address contains other bytes than zeros")
        # OSC 1.0: "some older implementations of OSC may omit the OSC Type Tag string".
        return Head(address, None, comma, layout("", limits))
    end = data.find(b"\0", comma)
    if end < 0:
        raise DecodeError("string", "unterminated type tag string")
    try:
        types = data[comma + 1 : end].decode("ascii")
    except UnicodeDecodeError:
        raise UnknownTypeTag("type tag string is not ASCII") from None
    return Head(address, types, (end + 4) & ~3, layout(types, limits))


def read_arguments(
    head: Head, data: bytes, limits: Limits = DEFAULT_LIMITS
) -> tuple[Argument, ...]:
    """The values after a head. Raises :class:`DecodeError`.

    Zeros after the last argument are padding that some senders add, and are ignored; any other
    bytes there mean that type tags and values disagree.
    """
    size = len(data)
    if size > limits.max_packet_size:
        check_size(data, limits)
    if size % 4:
        # OSC 1.0, "OSC Packets": the size is always a multiple of 4.
        raise DecodeError("size", f"packet of {size} bytes; the size must be a multiple of 4")
    if head.types is None:
        rest = data[head.start :]
        return (rest,) if rest else ()
    form = head.layout
    if form.read_text is not None:
        texts = form.read_text(data, head.start)
        if texts is not None:
            return texts
    args, end = form.read_sized(data, head.start)
    if end < size and (data.count(0, end) != size - end or (form.texts and not data.isascii())):
        raise DecodeError("trailing", f"{size - end} bytes after the last argument")
    if (
        form.texts >= MISCOUNTED
        and not data.isascii()
        and form.write(*args) != data[head.start : end]
    ):
        raise DecodeError("string", "wrong padding of a string")
    return args


MISCOUNTED: Final = 3
"""Strings of a message from which on padding that was counted in characters can look right."""


def decode_message(
    data: bytes,
    limits: Limits = DEFAULT_LIMITS,
    timetag: TimeTag | None = None,
    origin: Origin | None = None,
) -> Message:
    """Decode one message. Raises :class:`DecodeError`.

    Deviations of real devices are accepted (:mod:`oscbridge.osc.lenient`).
    """
    try:
        head = read_head(data, limits)
        args = read_arguments(head, data, limits)
    except DecodeError as error:
        found = read_leniently(data, limits, error)
        return Message(found.address, found.types, found.args, timetag, origin)
    return Message(head.address, head.types, args, timetag, origin)


def encode_message(message: Message, *, utf8: bool = False) -> bytes:
    """Encode one message, without its time tag. Raises :class:`EncodeError`.

    Text that was not UTF-8 when it was received has its original bytes, with ``utf8`` not.
    """
    address, types, args = message.address, message.types, message.args
    data = _encode(address, types, args)
    if utf8 and types and ("s" in types or "S" in types) and not data.isascii():
        return _encode(address, types, tuple(map(_in_utf8, args)))
    return data


def _in_utf8(value: Argument) -> Argument:
    if isinstance(value, list):
        return list(map(_in_utf8, value))
    return str(value) if isinstance(value, Latin1Text) else value


def encode_values(address: str, args: Sequence[Argument]) -> bytes:
    """Encode a message from Python values, with inferred type tags.

    Raises :class:`EncodeError`.
    """
    return _encode(address, infer(args), args)


def _encode(address: str, types: str | None, args: Sequence[Argument]) -> bytes:
    # As with layouts, only short type tag strings are cached.
    encoder = _cached_encoder if types is None or len(types) <= MAX_CACHED_TYPES else _encoder
    try:
        head, write = encoder(address, types)
    except (AttributeError, TypeError):
        raise EncodeTypeError(f"an address must be a string, got {address!r}") from None
    try:
        return head + write(*args)
    except (struct.error, OverflowError, TypeError, EncodeError) as error:
        text = f"{address} ,{types}: {_explain(types, args, error)}"
        raise _kind_of(error)(text) from None


def _kind_of(error: Exception) -> type[EncodeError]:
    """The kind of the error that replaces another one."""
    if isinstance(error, TypeError):
        return EncodeTypeError
    return EncodeRangeError if isinstance(error, OverflowError) else EncodeError


def _encoder(address: str, types: str | None) -> tuple[bytes, Callable[..., bytes]]:
    """The bytes before the arguments, and the writer of the arguments."""
    if not address.startswith("/") and not is_bare_address(address):
        raise EncodeError(f"address must start with '/', got {address!r}")
    if types is None:
        return pad_string(address), _write_untagged
    try:
        return pad_string(address) + pad_string("," + types), layout(types).write
    except DecodeError as error:
        raise EncodeError(str(error)) from None


_cached_encoder = lru_cache(maxsize=4096)(_encoder)


def _write_untagged(*args: Argument) -> bytes:
    match args:
        case ():
            return b""
        case (bytes() as rest,) if len(rest) % 4 == 0 and not rest.startswith(b","):
            return rest
    raise EncodeError(
        "a message without type tags has at most one argument: bytes, with a size divisible by 4"
    )


def _explain(types: str | None, args: Sequence[Argument], error: Exception) -> str:
    """The error text; names the argument that does not fit, if there is one."""
    if types is None or "[" in types or isinstance(error, EncodeError):
        return str(error)
    if len(args) != len(types):
        return f"{len(args)} arguments for {len(types)} type tags"
    for index, (tag, value) in enumerate(zip(types, args, strict=True)):
        try:
            layout(tag).write(value)
        except (OSCError, struct.error, OverflowError, TypeError):
            return f"argument {index}: {value!r} does not fit type tag {tag!r}"
    return str(error)
