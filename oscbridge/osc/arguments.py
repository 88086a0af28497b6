"""Arguments in bytes: compiles a type tag string into a pair of functions.

:func:`layout` does so once for each type tag string; messages with the same tags share it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import call
from typing import Final, NamedTuple, TypeAlias

from oscbridge.errors import DecodeError, EncodeError, EncodeTypeError, LimitError
from oscbridge.osc.limits import DEFAULT_LIMITS, Limits
from oscbridge.osc.type_tags import TYPE_TAGS, Reader, TypeTag, Writer
from oscbridge.osc.unreadable import UnknownTypeTag
from oscbridge.osc.values import Argument

__all__ = ["MAX_CACHED_TYPES", "Layout", "ReadText", "layout", "split_types"]

ReadText: TypeAlias = Callable[[bytes, int], tuple[Argument, ...] | None]
"""See :attr:`Layout.read_text`."""


class Layout(NamedTuple):
    """Reads and writes the arguments of one type tag string."""

    types: str
    size: int
    """Bytes of the arguments; -1 if it depends on the data."""
    read: Callable[[bytes, int], tuple[Argument, ...]]
    """``read(data, offset)``: the arguments. Only for a known ``size`` that fits the data."""
    read_sized: Callable[[bytes, int], tuple[tuple[Argument, ...], int]]
    """The arguments of any size, and the offset after them. Raises :class:`DecodeError`."""
    write: Callable[..., bytes]
    """``write(*arguments)``: bytes. May raise any exception for values that do not fit."""
    values: int
    """Number of arguments; an array counts as one."""
    texts: int
    """Number of strings and symbols, those in arrays included."""
    read_text: ReadText | None = None
    """``read_text(data, offset)``: the arguments, if their strings are ASCII and they end with the
    data; None otherwise, also if they are not valid. Only for types that often have strings."""


def layout(types: str, limits: Limits = DEFAULT_LIMITS) -> Layout:
    """The layout for a type tag string (without its comma).

    Raises :class:`DecodeError` for an unknown tag or unbalanced brackets and
    :class:`LimitError` above the limits of type tags, arguments and depth. By OSC 1.0 a
    message with an unknown tag is discarded whole.
    """
    # Only short strings are cached: hostile senders must not fill the memory.
    return _cached(types, limits) if len(types) <= MAX_CACHED_TYPES else _layout(types, limits)


def _layout(types: str, limits: Limits) -> Layout:
    if len(types) > limits.max_type_tags:
        text = f"{len(types)} type tags; max_type_tags is {limits.max_type_tags}"
        raise LimitError("max_type_tags", text)
    count = len(types) - types.count("[") - types.count("]")
    if count > limits.max_arguments:
        text = f"{count} arguments; max_arguments is {limits.max_arguments}"
        raise LimitError("max_arguments", text)
    tags = iter(enumerate(types))
    texts = types.count("s") + types.count("S")
    readers, writers, values = _compile(types, tags, limits.max_depth, top=True)
    rows = [TYPE_TAGS.get(tag) for tag in types]
    if all(row is not None and row.number is not None and row.load is None for row in rows):
        # The fields of struct are the arguments: one call reads or writes all of them.
        whole = _numbers(types)

        def read_sized(data: bytes, offset: int) -> tuple[tuple[Argument, ...], int]:
            if offset + whole.size > len(data):
                raise DecodeError(
                    "truncated", f"packet ends at byte {len(data)} within the arguments ,{types}"
                )
            return whole.unpack_from(data, offset), offset + whole.size

        return Layout(types, whole.size, whole.unpack_from, read_sized, whole.pack, values, texts)

    def read_any(data: bytes, offset: int) -> tuple[tuple[Argument, ...], int]:
        out: list[Argument] = []
        for reader in readers:
            offset = reader(data, offset, out)
        if offset > len(data):
            raise DecodeError(
                "truncated", f"packet ends at byte {len(data)} within the arguments ,{types}"
            )
        return tuple(out), offset

    def read(data: bytes, offset: int) -> tuple[Argument, ...]:
        return read_any(data, offset)[0]

    def write(*arguments: Argument) -> bytes:
        if len(arguments) != values:
            raise EncodeError(f"expected {values} arguments for ,{types}, got {len(arguments)}")
        return b"".join(map(call, writers, arguments))

    size = 0
    for row in rows:
        if row is not None and row.sized is not None:
            size = -1
            break
        size += row.number.size if row is not None and row.number is not None else 0
    return Layout(types, size, read, read_any, write, values, texts, _text_reader(types))


_PLAIN: Final = "".join(tag for tag, row in TYPE_TAGS.items() if row.number and row.load is None)
"""The numbers that are fields of struct."""

_AROUND_TEXTS: Final = re.compile(f"([{_PLAIN}]*)([sS]{{1,2}})([{_PLAIN}]*)")
# With more strings the whole message is checked: see MISCOUNTED in oscbridge.osc.message.


def _numbers(types: str) -> struct.Struct:
    """The struct of some of these numbers."""
    rows = [TYPE_TAGS[tag] for tag in types]
    return struct.Struct(">" + "".join([row.number.format[1:] for row in rows if row.number]))


def _text_reader(types: str) -> ReadText | None:
    """:attr:`Layout.read_text` for strings with numbers before and after them."""
    found = _AROUND_TEXTS.fullmatch(types)
    if found is None:
        return None
    if len(types) == 1:

        def read_one(data: bytes, start: int) -> tuple[Argument, ...] | None:
            end = data.find(b"\0", start)
            if (end + 4) & ~3 != len(data):
                return None
            try:
                return (data[start:end].decode("ascii"),)
            except UnicodeDecodeError:
                return None

        return read_one
    before, after = _numbers(found[1]), _numbers(found[3])
    first, last, texts = before.size, after.size, range(len(found[2]))

    def read_several(data: bytes, start: int) -> tuple[Argument, ...] | None:
        offset, values = start + first, []
        try:
            for _ in texts:
                end = data.index(b"\0", offset)
                values.append(data[offset:end].decode("ascii"))
                offset = (end + 4) & ~3
        except ValueError:  # also that it is not ASCII
            return None
        if offset + last != len(data):
            return None
        if not (first or last):
            return tuple(values)
        return (*before.unpack_from(data, start), *values, *after.unpack_from(data, offset))

    return read_several


MAX_CACHED_TYPES: Final = 64
"""Type tags of the longest string whose layout is cached."""
_cached = lru_cache(maxsize=1024)(_layout)


def _compile(
    types: str, tags: Iterator[tuple[int, str]], depth: int, *, top: bool
) -> tuple[list[Reader], list[Writer], int]:
    """Readers, writers and number of arguments up to the closing bracket; to the end at the top."""
    readers: list[Reader] = []
    writers: list[Writer] = []
    for index, tag in tags:
        if tag == "[":
            if depth == 0:
                raise LimitError("max_depth", "arrays are nested too deeply")
            inner = _compile(types, tags, depth - 1, top=False)
            readers.append(_array_reader(inner[0]))
            writers.append(_array_writer(inner[1]))
        elif tag == "]":
            if top:
                raise DecodeError(
                    "type", f"unmatched ']' at type tag {index} of ,{_shorten(types)}"
                )
            return readers, writers, len(readers)
        else:
            codec = _CODECS.get(tag)
            if codec is None:
                raise UnknownTypeTag(f"unknown type tag {tag!r} in ,{_shorten(types)}")
            readers.append(codec[0])
            writers.append(codec[1])
    if not top:
        raise DecodeError("type", f"unclosed '[' in ,{_shorten(types)}")
    return readers, writers, len(readers)


def _shorten(types: str) -> str:
    return types if len(types) <= 40 else types[:40] + "…"


def _array_reader(readers: Sequence[Reader]) -> Reader:
    def read(data: bytes, offset: int, out: list[Argument]) -> int:
        values: list[Argument] = []
        for reader in readers:
            offset = reader(data, offset, values)
        out.append(values)
        return offset

    return read


def _array_writer(writers: Sequence[Writer]) -> Writer:
    def write_array(value: Argument) -> bytes:
        if not isinstance(value, list | tuple) or len(value) != len(writers):
            raise EncodeTypeError(f"expected an array of {len(writers)} values, got {value!r}")
        return b"".join([write(item) for write, item in zip(writers, value, strict=True)])

    return write_array


def _codec(row: TypeTag) -> tuple[Reader, Writer]:
    """The reader and the writer of one row."""
    if row.sized is not None:
        return row.sized
    if row.constant is not None:
        return _constant(row, *row.constant)
    assert row.number is not None
    return _number(row, row.number)


def _constant(row: TypeTag, value: Argument) -> tuple[Reader, Writer]:
    def read(_data: bytes, offset: int, out: list[Argument]) -> int:
        out.append(value)
        return offset

    def write(given: Argument) -> bytes:
        if given is not value:
            raise EncodeError(f"type tag {row.tag} stands for {value!r}, got {given!r}")
        return b""

    return read, write


def _number(row: TypeTag, number: struct.Struct) -> tuple[Reader, Writer]:
    unpack, size, load, dump = number.unpack_from, number.size, row.load, row.dump

    def read(data: bytes, offset: int, out: list[Argument]) -> int:
        end = offset + size
        if end > len(data):
            raise DecodeError("truncated", f"packet ends within the {row.name} at byte {offset}")
        values = unpack(data, offset)
        out.append(values[0] if load is None else load(*values))
        return end

    if dump is None:
        return read, number.pack
    return read, lambda value: number.pack(*dump(value))


_CODECS: Final = {tag: _codec(row) for tag, row in TYPE_TAGS.items()}


def split_types(types: str) -> list[str]:
    """The type tags of each argument; those of an array include its brackets.

    The brackets must be balanced, as :func:`layout` ensures.
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
