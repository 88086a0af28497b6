"""The type tags of OSC 1.0 and 1.1: one table behind the encoder and the decoder.

Every row of :data:`TABLE` says how one type tag is written. :func:`layout` turns a whole
type tag string into a pair of functions, once; messages with the same tags share it.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import call
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, LimitError
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.timetag import TimeTag

__all__ = [
    "IMPULSE",
    "MIDI",
    "REMEMBERED",
    "TABLE",
    "Argument",
    "Color",
    "Impulse",
    "Layout",
    "infer",
    "layout",
    "split_types",
]


class Impulse(enum.Enum):
    """The value of ``I``: "infinitum" in OSC 1.0, "impulse" in OSC 1.1."""

    IMPULSE = "I"


IMPULSE: Final = Impulse.IMPULSE


class MIDI(NamedTuple):
    """The value of ``m``: four bytes, 0 to 255, in the order of the specification."""

    port: int
    status: int
    data1: int = 0
    data2: int = 0


class Color(int):
    """The value of ``r``: 32 bits, 0xRRGGBBAA."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Color(0x{int(self):08X})"

    __str__ = int.__repr__  # as python-osc's plain integers print


Argument: TypeAlias = (
    "int | float | str | bytes | bool | TimeTag | Color | MIDI | Impulse | list[Argument] | None"
)

# A reader appends what it read and returns the offset behind it. A writer may raise what
# struct does for a value that does not fit; encode_message turns that into an EncodeError.
_Reader: TypeAlias = Callable[[bytes, int, list[Argument]], int]
_Writer: TypeAlias = Callable[[Argument], bytes]


class TypeTag(NamedTuple):
    """One row of the table. Exactly one of the last three columns says how it is written."""

    tag: str
    name: str
    python: type
    number: struct.Struct | None = None
    """Fixed size: what ``struct`` reads, ``load`` makes a value and ``dump`` takes back."""
    sized: tuple[_Reader, _Writer] | None = None
    """Size in the data: a string or a blob."""
    constant: tuple[Argument] | None = None
    """No data: the tag is the value."""
    load: Callable[..., Argument] | None = None
    dump: Callable[..., Sequence[int]] | None = None


def _read_string(data: bytes, offset: int, out: list[Argument]) -> int:
    end = data.find(b"\0", offset)
    if end < 0:
        raise DecodeError("string", f"string at byte {offset} has no end")
    try:
        out.append(data[offset:end].decode())
    except UnicodeDecodeError as error:
        raise DecodeError("utf8", f"string at byte {offset} is not UTF-8: {error}") from None
    return (end + 4) & ~3


def pad_string(text: str) -> bytes:
    """An OSC string: UTF-8, one to four NULs, a multiple of four bytes.

    Raises :class:`EncodeError` for a NUL inside or a lone surrogate.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(f"string {text!r} is not UTF-8: {error}") from None
    if b"\0" in raw:
        raise EncodeError(f"string {text!r} holds a NUL, which ends an OSC string")
    return raw + _STRING_END[len(raw) & 3]


_STRING_END: Final = (b"\0\0\0\0", b"\0\0\0", b"\0\0", b"\0")


def _write_string(value: Argument) -> bytes:
    if not isinstance(value, str):
        raise EncodeError(f"expected a string, not {value!r}")
    if value.isascii() and "\0" not in value:
        return value.encode() + _STRING_END[len(value) & 3]  # by far the commonest
    return pad_string(value)


_BLOB_SIZE = struct.Struct(">i")


def _read_blob(data: bytes, offset: int, out: list[Argument]) -> int:
    start = offset + 4
    if start > len(data):
        raise DecodeError("truncated", f"blob at byte {offset} has no size")
    (size,) = _BLOB_SIZE.unpack_from(data, offset)
    if not 0 <= size <= len(data) - start:
        raise DecodeError("size", f"blob at byte {offset} claims {size} bytes")
    out.append(data[start : start + size])
    return int(start + size + 3) & ~3


def _write_blob(value: Argument) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise EncodeError(f"expected bytes, not {value!r}")
    raw = bytes(value)
    return _BLOB_SIZE.pack(len(raw)) + raw + b"\0" * (-len(raw) % 4)


def _load_char(code: int) -> str:
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise DecodeError("char", f"0x{code:08X} is no character")
    return chr(code)


def _dump_char(value: Argument) -> tuple[int]:
    if not isinstance(value, str) or len(value) != 1 or "\ud800" <= value <= "\udfff":
        raise EncodeError(f"expected one character, not {value!r}")
    return (ord(value),)


def _dump_midi(value: Argument) -> Sequence[int]:
    if isinstance(value, bytes | tuple) and len(value) == 4:
        return value
    raise EncodeError(f"expected the four bytes of a MIDI message, not {value!r}")


# OSC 1.0, "OSC Type Tag String": the four required types, then the optional ones.
# OSC 1.1 requires T F N I t as well and calls I an impulse.
TABLE: Final = {
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


class Layout(NamedTuple):
    """How the arguments under one type tag string are read and written."""

    types: str
    size: int
    """Bytes of the arguments; -1 when the data says."""
    read: Callable[[bytes, int], tuple[Argument, ...]]
    """``read(data, offset)``: the arguments. Only for a known ``size`` that fits the data."""
    read_sized: Callable[[bytes, int], tuple[tuple[Argument, ...], int]]
    """The same for any size, with the offset behind. Raises :class:`DecodeError`."""
    write: Callable[..., bytes]
    """``write(*arguments)``: bytes. Raises anything for values that do not fit."""
    values: int
    """How many arguments there are; an array is one."""


def layout(types: str, limits: Limits = DEFAULT_LIMITS) -> Layout:
    """The layout for a type tag string (without its comma).

    Raises :class:`DecodeError` for an unknown tag or unbalanced brackets and
    :class:`LimitError` beyond the limits on tags, arguments and depth. OSC 1.0 has a
    message with an unknown tag discarded whole.
    """
    # Only short strings are remembered: what a stranger sends must not fill the memory.
    return _known(types, limits) if len(types) <= REMEMBERED else _layout(types, limits)


def _layout(types: str, limits: Limits) -> Layout:
    if len(types) > limits.max_type_tags:
        text = f"{len(types)} type tags; max_type_tags is {limits.max_type_tags}"
        raise LimitError("max_type_tags", text)
    count = len(types) - types.count("[") - types.count("]")
    if count > limits.max_arguments:
        text = f"{count} arguments; max_arguments is {limits.max_arguments}"
        raise LimitError("max_arguments", text)
    tags = iter(enumerate(types))
    readers, writers, values = _compile(types, tags, limits.max_depth, top=True)
    rows = [TABLE.get(tag) for tag in types]
    if all(row is not None and row.number is not None and row.load is None for row in rows):
        # What struct reads is what a handler gets: one call for all arguments.
        whole = struct.Struct(">" + "".join(r.number.format[1:] for r in rows if r and r.number))

        def read_sized(data: bytes, offset: int) -> tuple[tuple[Argument, ...], int]:
            if offset + whole.size > len(data):
                raise DecodeError("truncated", f"arguments end at byte {len(data)} within ,{types}")
            return whole.unpack_from(data, offset), offset + whole.size

        return Layout(types, whole.size, whole.unpack_from, read_sized, whole.pack, values)

    def read_any(data: bytes, offset: int) -> tuple[tuple[Argument, ...], int]:
        out: list[Argument] = []
        for reader in readers:
            offset = reader(data, offset, out)
        if offset > len(data):
            raise DecodeError("truncated", f"arguments end at byte {len(data)} within ,{types}")
        return tuple(out), offset

    def read(data: bytes, offset: int) -> tuple[Argument, ...]:
        return read_any(data, offset)[0]

    def write(*arguments: Argument) -> bytes:
        if len(arguments) != values:
            raise EncodeError(f"{len(arguments)} arguments for the {values} of ,{types}")
        return b"".join(map(call, writers, arguments))

    size = 0
    for row in rows:
        if row is not None and row.sized is not None:
            size = -1
            break
        size += row.number.size if row is not None and row.number is not None else 0
    return Layout(types, size, read, read_any, write, values)


REMEMBERED: Final = 64
"""Type tags of the longest string whose layout is remembered."""
_known = lru_cache(maxsize=1024)(_layout)


def _compile(
    types: str, tags: Iterator[tuple[int, str]], depth: int, *, top: bool
) -> tuple[list[_Reader], list[_Writer], int]:
    """Readers and writers up to the closing bracket, or to the end at the top."""
    readers: list[_Reader] = []
    writers: list[_Writer] = []
    for index, tag in tags:
        if tag == "[":
            if depth == 0:
                raise LimitError("max_depth", "arrays are nested too deeply")
            inner = _compile(types, tags, depth - 1, top=False)
            readers.append(_array_reader(inner[0]))
            writers.append(_array_writer(inner[1]))
        elif tag == "]":
            if top:
                raise DecodeError("type", f"type tag {index} of ,{_shorten(types)} closes no array")
            return readers, writers, len(readers)
        else:
            column = _COLUMNS.get(tag)
            if column is None:
                raise DecodeError("type", f"unknown type tag {tag!r} in ,{_shorten(types)}")
            readers.append(column[0])
            writers.append(column[1])
    if not top:
        raise DecodeError("type", f"an array in ,{_shorten(types)} has no end")
    return readers, writers, len(readers)


def _shorten(types: str) -> str:
    return types if len(types) <= 40 else types[:40] + "…"


def _array_reader(readers: Sequence[_Reader]) -> _Reader:
    def read(data: bytes, offset: int, out: list[Argument]) -> int:
        values: list[Argument] = []
        for reader in readers:
            offset = reader(data, offset, values)
        out.append(values)
        return offset

    return read


def _array_writer(writers: Sequence[_Writer]) -> _Writer:
    def write_array(value: Argument) -> bytes:
        if not isinstance(value, list | tuple) or len(value) != len(writers):
            raise EncodeError(f"expected an array of {len(writers)} values, not {value!r}")
        return b"".join([write(item) for write, item in zip(writers, value, strict=True)])

    return write_array


def _column(row: TypeTag) -> tuple[_Reader, _Writer]:
    """The reader and the writer of one row."""
    if row.sized is not None:
        return row.sized
    if row.constant is not None:
        return _constant(row, *row.constant)
    assert row.number is not None
    return _number(row, row.number)


def _constant(row: TypeTag, value: Argument) -> tuple[_Reader, _Writer]:
    def read(_data: bytes, offset: int, out: list[Argument]) -> int:
        out.append(value)
        return offset

    def write(given: Argument) -> bytes:
        if given is not value:
            raise EncodeError(f"type tag {row.tag} says {value!r}, not {given!r}")
        return b""

    return read, write


def _number(row: TypeTag, number: struct.Struct) -> tuple[_Reader, _Writer]:
    unpack, size, load, dump = number.unpack_from, number.size, row.load, row.dump

    def read(data: bytes, offset: int, out: list[Argument]) -> int:
        end = offset + size
        if end > len(data):
            raise DecodeError("truncated", f"{row.name} at byte {offset} is cut off")
        values = unpack(data, offset)
        out.append(values[0] if load is None else load(*values))
        return end

    if dump is None:
        return read, number.pack
    return read, lambda value: number.pack(*dump(value))


_COLUMNS: Final = {tag: _column(row) for tag, row in TABLE.items()}


def split_types(types: str) -> list[str]:
    """The type tags of each argument; those of an array with its brackets.

    For type tags that a :func:`layout` was made of, whose brackets pair.
    """
    found: list[str] = []
    depth = 0
    for tag in types:
        if depth:
            found[-1] += tag
        else:
            found.append(tag)
        depth += (tag == "[") - (tag == "]")
    return found


def infer(arguments: Sequence[object]) -> str:
    """The type tags that fit Python values.

    ``bool`` T or F, ``None`` N, ``int`` i or, beyond 32 bits, h, ``float`` f, ``str`` s,
    ``bytes`` b, ``TimeTag`` t, ``Color`` r, ``MIDI`` or another tuple of four m,
    ``IMPULSE`` I, a list an array. Raises :class:`EncodeError` for anything else and for
    integers beyond 64 bits.
    """
    tags = ""
    for value in arguments:
        tags += _TAGS.get(type(value)) or _infer(value, DEFAULT_LIMITS.max_depth)
    return tags


_TAGS: Final[dict[type, str]] = {float: "f", str: "s", bytes: "b", type(None): "N"}
"""The commonest types; the others need a closer look."""


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
    raise EncodeError(f"no OSC type fits {value!r}")
