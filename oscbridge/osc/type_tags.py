"""The type tags of OSC 1.0 and 1.1: the one table of what each tag means.

Every row of :data:`TYPE_TAGS` has a tag's name, Python type and binary form. Other forms of
arguments (JSON, text, conversions) choose by the row's Python type, so a new tag is one row.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, EncodeTypeError
from oscbridge.osc.limits import DEFAULT_LIMITS
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.values import IMPULSE, MIDI, Argument, Color, Impulse, Latin1Text

__all__ = ["NUMBER_TAGS", "TYPE_TAGS", "Reader", "TypeTag", "Writer", "infer", "pad_string"]

# A reader appends a value and returns the offset after it. A writer may raise the errors of
# struct for a value that does not fit; encode_message turns them into an EncodeError.
Reader: TypeAlias = Callable[[bytes, int, list[Argument]], int]
Writer: TypeAlias = Callable[[Argument], bytes]


class TypeTag(NamedTuple):
    """One row of the table. Exactly one of ``number``, ``sized`` and ``constant`` is set."""

    tag: str
    name: str
    python: type
    number: struct.Struct | None = None
    """Fixed size: the ``struct`` format. ``load`` makes a value of its fields, ``dump`` fields of
    a value; without them the single field is the value."""
    sized: tuple[Reader, Writer] | None = None
    """Variable size: reader and writer of a string or a blob."""
    constant: tuple[Argument] | None = None
    """No data: the value that the tag stands for."""
    load: Callable[..., Argument] | None = None
    dump: Callable[..., Sequence[int]] | None = None


def _read_string(data: bytes, offset: int, out: list[Argument]) -> int:
    end = data.find(b"\0", offset)
    if end < 0:
        raise DecodeError("string", f"unterminated string at byte {offset}")
    try:
        text = data[offset:end].decode()
    except UnicodeDecodeError as error:
        raise DecodeError("utf8", f"string at byte {offset} is not UTF-8: {error}") from None
    after = (end + 4) & ~3
    if not text.isascii() and data[end:after].strip(b"\0"):
        # Its sender may have counted the padding in characters: see oscbridge.osc.lenient.
        raise DecodeError("string", f"wrong padding of the string at byte {offset}")
    out.append(text)
    return after


def pad_string(text: str) -> bytes:
    """An OSC string: UTF-8 (of a :class:`Latin1Text` its original bytes), one to four NULs, a
    multiple of four bytes.

    Raises :class:`EncodeError` for a NUL inside or a lone surrogate.
    """
    try:
        raw = text.encode("latin-1" if isinstance(text, Latin1Text) else "utf-8")
    except UnicodeEncodeError as error:
        raise EncodeError(f"string {text!r} is not UTF-8: {error}") from None
    if b"\0" in raw:
        raise EncodeError(f"string {text!r} contains a NUL, which ends an OSC string")
    return raw + _STRING_END[len(raw) & 3]


_STRING_END: Final = (b"\0\0\0\0", b"\0\0\0", b"\0\0", b"\0")


def _write_string(value: Argument) -> bytes:
    if not isinstance(value, str):
        raise EncodeTypeError(f"expected a string, got {value!r}")
    if value.isascii() and "\0" not in value:
        return value.encode() + _STRING_END[len(value) & 3]  # by far the most common case
    return pad_string(value)


_BLOB_SIZE = struct.Struct(">i")


def _read_blob(data: bytes, offset: int, out: list[Argument]) -> int:
    start = offset + 4
    if start > len(data):
        raise DecodeError("truncated", f"blob at byte {offset} lacks its size")
    (size,) = _BLOB_SIZE.unpack_from(data, offset)
    if not 0 <= size <= len(data) - start:
        raise DecodeError("size", f"blob at byte {offset} has the invalid size {size}")
    out.append(data[start : start + size])
    return int(start + size + 3) & ~3


def _write_blob(value: Argument) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise EncodeTypeError(f"expected bytes, got {value!r}")
    raw = bytes(value)
    return _BLOB_SIZE.pack(len(raw)) + raw + b"\0" * (-len(raw) % 4)


def _load_char(code: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise DecodeError("char", f"0x{code:08X} is not a character")
    return chr(code)


def _dump_char(value: Argument) -> tuple[int]:
    if not isinstance(value, str) or len(value) != 1 or "\ud800" <= value <= "\udfff":
        raise EncodeError(f"expected one character, got {value!r}")
    return (ord(value),)


def _dump_midi(value: Argument) -> Sequence[int]:
    if isinstance(value, bytes | tuple) and len(value) == 4:
        return value
    raise EncodeTypeError(f"expected the four bytes of a MIDI message, got {value!r}")


# OSC 1.0, "OSC Type Tag String": the four required types, then the optional ones.
# OSC 1.1 requires T F N I t as well and calls I an impulse.
TYPE_TAGS: Final = {
    row.tag: row
    for row in (
        TypeTag("i", "int32", int, struct.Struct(">i")),
        TypeTag("f", "float32", float, struct.Struct(">f")),
        TypeTag("s", "string", str, sized=(_read_string, _write_string)),
        TypeTag("b", "blob", bytes, sized=(_read_blob, _write_blob)),
        TypeTag("h", "int64", int, struct.Struct(">q")),
        TypeTag("t", "time tag", TimeTag, struct.Struct(">Q"), load=TimeTag),
        TypeTag("d", "float64", float, struct.Struct(">d")),
        TypeTag("S", "symbol", str, sized=(_read_string, _write_string)),
        TypeTag("c", "char", str, struct.Struct(">I"), load=_load_char, dump=_dump_char),
        TypeTag("r", "RGBA color", Color, struct.Struct(">I"), load=Color),
        TypeTag("m", "MIDI", MIDI, struct.Struct(">4B"), load=MIDI, dump=_dump_midi),
        TypeTag("T", "true", bool, constant=(True,)),
        TypeTag("F", "false", bool, constant=(False,)),
        TypeTag("N", "nil", type(None), constant=(None,)),
        TypeTag("I", "impulse", Impulse, constant=(IMPULSE,)),
    )
}

NUMBER_TAGS: Final = frozenset(tag for tag, row in TYPE_TAGS.items() if row.python in (int, float))
"""The type tags of numbers: ``i``, ``h``, ``f`` and ``d``."""


def infer(arguments: Sequence[object]) -> str:
    """The type tags that fit Python values.

    ``bool`` T or F, ``None`` N, ``int`` i (h if it needs more than 32 bits), ``float`` f,
    ``str`` s, ``bytes`` b, ``TimeTag`` t, ``Color`` r, ``MIDI`` or another tuple of four m,
    ``IMPULSE`` I, a list an array. Raises :class:`EncodeError` for anything else and for
    integers of more than 64 bits.
    """
    tags = ""
    for value in arguments:
        tags += _TAGS.get(type(value)) or _infer(value, DEFAULT_LIMITS.max_depth)
    return tags


_TAGS: Final[dict[type, str]] = {float: "f", str: "s", bytes: "b", type(None): "N"}
"""The most common types; the others need a closer look."""


def _infer(value: object, depth: int) -> str:
    if type(value) is int and -0x80000000 <= value <= 0x7FFFFFFF:
        return "i"
    match value:
        case bool():
            return "T" if value else "F"
        case TimeTag():
            return "t"
        case Color():
            return "r"
        case int() if -0x80000000 <= value <= 0x7FFFFFFF:
            return "i"
        case int() if -(1 << 63) <= value < 1 << 63:
            return "h"
        case float():
            return "f"
        case str():
            return "s"
        case bytes() | bytearray() | memoryview():
            return "b"
        case None:
            return "N"
        case Impulse():
            return "I"
        case tuple() if len(value) == 4:
            return "m"
        case list() if depth:
            return "[" + "".join([_infer(item, depth - 1) for item in value]) + "]"
    raise EncodeError(f"no OSC type for {value!r}")
