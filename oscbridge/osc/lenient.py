"""Reads messages that deviate from OSC 1.0 in a way that leaves no doubt about their content.

Called only after the strict decoder has rejected a message, so that valid ones pay nothing.
The deviations are those of real devices and libraries:

============= ==================================================================================
``address``   no leading slash: an X32 answers ``/node`` under ``node``
``text``      a string that is not UTF-8, read as Latin-1: osc-js writes one byte per character
``padding``   missing, short or surplus bytes at the end, or padding counted in characters: JUCE
``truncated`` the last number lacks its final zero bytes: Reaktor; python-osc accepts it as well
============= ==================================================================================

Values are never guessed. If another way to count the padding fits the bytes, too, and gives
other values, the message is rejected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from oscbridge.errors import DecodeError, LimitError
from oscbridge.osc.arguments import Layout, layout
from oscbridge.osc.limits import Limits
from oscbridge.osc.type_tags import TYPE_TAGS, TypeTag
from oscbridge.osc.unreadable import BadAddress, UnknownTypeTag, UnreadableMessage
from oscbridge.osc.values import Argument, Latin1Text

__all__ = ["DEVIATIONS", "MAX_SURPLUS", "SURPLUS", "Reading", "is_bare_address", "read_leniently"]

DEVIATIONS: Final = ("address", "text", "padding", "truncated")

SURPLUS: Final = b"\0\r\n"
"""Bytes that senders add after a packet."""

MAX_SURPLUS: Final = 3
"""Bytes of any value that may follow the last argument: fewer than a value needs."""

MAX_COMPARED: Final = 1_024
"""Type tags of a message up to which several ways to read it are compared."""

_FORBIDDEN: Final = frozenset("#*,?[]{}")
_NO_DATA: Final = "[]" + "".join(row.tag for row in TYPE_TAGS.values() if row.constant)
_ASTRAL: Final = re.compile(rb"[\xf0-\xf4]")
"""Only a character that begins with one of these bytes is two UTF-16 code units."""
_CUT: Final = {"f": 0, "i": 1}
"""Numbers that may be cut, and the bytes that must be left. As in python-osc, 0.0 may be empty."""


class Reading(NamedTuple):
    """A message that was read leniently."""

    address: str
    types: str | None
    start: int
    """Offset of the arguments."""
    layout: Layout
    args: tuple[Argument, ...]
    deviations: tuple[str, ...]


def is_bare_address(address: str) -> bool:
    """Whether a text can be an address without its leading slash."""
    return (
        address.isprintable()
        and _FORBIDDEN.isdisjoint(address)
        and not any(map(str.isspace, address))
        and bool(address)
        and not address.startswith("/")
    )


def read_leniently(data: bytes, limits: Limits, error: DecodeError) -> Reading:
    """Read a message that the strict decoder rejected with ``error``.

    Raises ``error`` if the content is in doubt, and :class:`LimitError` or
    :class:`UnreadableMessage` for a message whose address only is unusual.
    """
    if isinstance(error, LimitError | UnreadableMessage) or len(data) > limits.max_packet_size:
        raise error
    end = data.find(b"\0")
    if end < 0:
        return _address_alone(data, limits, error)
    if end > limits.max_address_length:
        raise error
    try:
        address = data[:end].decode()
    except UnicodeDecodeError as not_text:
        if data[(end + 4) & ~3 :][:1] != b",":
            raise error from None
        raise BadAddress(f"address is not UTF-8: {not_text}") from None
    plausible = address.startswith("/") or is_bare_address(address)
    fit = _choose(data, address, limits) if plausible else None
    if fit is None:
        raise error
    deviations = tuple(fit.deviations())
    if not address.startswith("/"):
        deviations = ("address", *deviations)
    return Reading(address, fit.types, fit.start, fit.layout, fit.args, deviations)


def _address_alone(data: bytes, limits: Limits, error: DecodeError) -> Reading:
    """A message that ends with its address, without a single NUL: ``/ping``. Raises ``error``."""
    text = data.rstrip(SURPLUS)
    try:
        address = text.decode()
    except UnicodeDecodeError:
        raise error from None
    is_plain = address.startswith("/") and all(map(is_bare_address, address[1:].split("/")))
    if not is_plain or len(text) > limits.max_address_length:
        raise error
    return Reading(address, None, len(data), layout("", limits), (), ("padding",))


class _Counting(Enum):
    """How a sender may count the padding of strings and blobs."""

    BYTES = "bytes"
    CHARACTERS = "code points"
    UNITS = "UTF-16 code units, as JavaScript does"
    NOT = "no padding at all"


class _Misfit(Exception):
    """The bytes cannot be read in this way."""


def _choose(data: bytes, address: str, limits: Limits) -> _Fit | None:
    """The only possible way to read a message, or None."""
    plain = _read(data, address, limits, _Counting.BYTES)
    if plain is not None and plain.is_exact and not (plain.is_dirty and plain.is_shiftable):
        return plain
    if plain is not None and len(plain.types or "") > MAX_COMPARED:
        return None
    others = []
    if not data.isascii() and (plain is None or plain.has_multibyte):
        for counting in (_Counting.CHARACTERS, _Counting.UNITS):
            if counting is _Counting.UNITS and not _ASTRAL.search(data):
                break  # the same as CHARACTERS
            fit = _read(data, address, limits, counting)
            if fit is not None and fit.has_multibyte and not fit.is_dirty:
                if fit.is_exact:
                    return fit
                others.append(fit)
    if plain is None or plain.is_dirty:
        return None
    if plain.is_shiftable and not plain.has_only_zero_words and (plain.surplus or others):
        return None
    unpadded = _read(data, address, limits, _Counting.NOT)
    if unpadded is not None and unpadded.is_exact and unpadded.args != plain.args:
        return None
    return plain if len(plain.surplus) <= MAX_SURPLUS or not plain.surplus.strip(SURPLUS) else None


def _read(data: bytes, address: str, limits: Limits, counting: _Counting) -> _Fit | None:
    try:
        return _Fit(data, address, limits, counting)
    except (_Misfit, DecodeError) as error:
        if isinstance(error, LimitError | UnknownTypeTag):
            raise
        return None


class _Fit:
    """A way to read a message, with one way to count padding.

    Raises :class:`_Misfit` or :class:`DecodeError` if the bytes cannot be read in this way.
    """

    is_short = False
    """Whether padding is missing at the end."""
    is_cut = False
    """Whether the last number lacks bytes."""
    is_dirty = False
    """Whether padding contains other bytes than zeros."""
    has_latin1 = False
    has_multibyte = False
    """Whether the address or a string contains characters of several bytes."""
    is_shiftable = False
    """Whether data follows such a string, so that its padding decides where the data begins."""
    _has_multibyte_argument = False

    def __init__(self, data: bytes, address: str, limits: Limits, counting: _Counting) -> None:
        self._data = data
        self._counting = counting
        self._offset = 0
        self._skip_text(address, address.encode(), is_head=True)
        self.types = self._read_types() if data[self._offset :].strip(SURPLUS) else None
        types = self.types or ""
        self.layout = layout(types, limits)
        self.start = self._offset
        self.args = self._read_values(types)
        self.surplus = data[self._offset :]

    @property
    def is_exact(self) -> bool:
        return not (self.surplus or self.is_short or self.is_cut)

    @property
    def has_only_zero_words(self) -> bool:
        """Whether the surplus is that of a buffer of fixed size, which is not a deviation."""
        misfit = self.is_short or self.is_cut or len(self._data) % 4
        return not (misfit or self.surplus.strip(b"\0"))

    def deviations(self) -> Iterator[str]:
        if self.has_latin1:
            yield "text"
        if (
            self._counting is not _Counting.BYTES
            or self.is_short
            or (self.surplus and not self.has_only_zero_words)
        ):
            yield "padding"
        if self.is_cut:
            yield "truncated"

    def _read_types(self) -> str:
        data, start = self._data, self._offset
        if data[start : start + 1] != b",":
            raise _Misfit
        end = data.find(b"\0", start)
        raw = data[start : end if end >= 0 else len(data)]
        try:
            types = raw.decode("ascii")
        except UnicodeDecodeError:
            raise UnknownTypeTag("type tag string is not ASCII") from None
        self._skip_text(types, raw, is_head=True)
        return types[1:]

    def _read_values(self, types: str) -> tuple[Argument, ...]:
        last = len(types.rstrip(_NO_DATA)) - 1
        stack: list[list[Argument]] = [[]]
        for index, tag in enumerate(types):
            if tag == "[":
                stack.append([])
            elif tag == "]":
                array = stack.pop()
                stack[-1].append(array)
            else:
                stack[-1].append(self._read_value(TYPE_TAGS[tag], is_last=index == last))
        return tuple(stack[0])

    def _read_value(self, row: TypeTag, *, is_last: bool) -> Argument:
        if row.constant is not None:
            return row.constant[0]
        if self._has_multibyte_argument:
            self.is_shiftable = True
        if row.python is str and row.number is None:
            return self._read_string()
        if row.number is None:
            return self._read_blob()
        data, start, size = self._data, self._offset, row.number.size
        raw = data[start : start + size]
        self._offset += size
        if len(raw) < size:
            if not is_last or start > len(data) or len(raw) < _CUT.get(row.tag, size):
                raise _Misfit
            self.is_cut, self._offset = True, len(data)
        values = row.number.unpack(raw.ljust(size, b"\0"))
        return values[0] if row.load is None else row.load(*values)

    def _read_string(self) -> str:
        data, start = self._data, self._offset
        end = data.find(b"\0", start)
        raw = data[start : end if end >= 0 else len(data)]
        if not raw and end < 0:
            raise _Misfit
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = Latin1Text(raw.decode("latin-1"))
            self.has_latin1 = True
        self._skip_text(text, raw)
        self._has_multibyte_argument |= len(text) < len(raw)
        return text

    def _read_blob(self) -> bytes:
        data, start = self._data, self._offset + 4
        size = int.from_bytes(data[start - 4 : start], signed=True)
        if start > len(data) or not 0 <= size <= len(data) - start:
            raise _Misfit
        self._skip(start + size, 0 if self._counting is _Counting.NOT else -size % 4)
        return data[start : start + size]

    def _skip_text(self, text: str, raw: bytes, *, is_head: bool = False) -> None:
        """Skip a string and its padding."""
        count = len(raw)
        if len(text) < count:  # a character of several bytes
            self.has_multibyte = True
            if self._counting is _Counting.CHARACTERS:
                count = len(text)
            elif self._counting is _Counting.UNITS:
                count = len(text.encode("utf-16-le")) // 2
        without = self._counting is _Counting.NOT and not is_head
        self._skip(self._offset + len(raw), 1 if without else 4 - count % 4)

    def _skip(self, end: int, padding: int) -> None:
        self._offset = end + padding
        if self._offset > len(self._data):
            self.is_short = True
        if self._data[end : self._offset].strip(b"\0"):
            self.is_dirty = True
