"""Reads and writes the values of a datagram one by one, under the names of python-osc.

``get_…(dgram, start_index)`` returns a value and the index after it, or raises
:class:`ParseError`; ``write_…(value)`` returns bytes or raises :class:`BuildError`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from oscbridge.errors import DecodeError as ParseError
from oscbridge.errors import DecodeTypeError
from oscbridge.errors import EncodeError as BuildError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import Message, encode_message
from oscbridge.osc.arguments import layout
from oscbridge.osc_bundle_builder import IMMEDIATELY, timetag_of
from oscbridge.osc_message import bytes_of

__all__ = [
    "IMMEDIATELY",
    "BuildError",
    "MidiPacket",
    "ParseError",
    "get_blob",
    "get_date",
    "get_double",
    "get_float",
    "get_int",
    "get_int64",
    "get_midi",
    "get_rgba",
    "get_string",
    "get_timetag",
    "get_uint64",
    "write_blob",
    "write_date",
    "write_double",
    "write_float",
    "write_int",
    "write_int64",
    "write_midi",
    "write_rgba",
    "write_string",
]

MidiPacket: TypeAlias = tuple[int, int, int, int]
_Get: TypeAlias = Callable[[bytes, int], tuple[Any, int]]
_Write: TypeAlias = Callable[[Any], bytes]

_NTP_EPOCH: Final = datetime(1900, 1, 1)
_HEAD: Final = 8  # bytes of the address "/" and one type tag


def _check_index(start_index: object) -> None:
    if not isinstance(start_index, int):
        raise DecodeTypeError("type", f"expected an index, got {start_index!r}")
    if start_index < 0:
        raise ParseError("offset", f"start index {start_index} is negative")


def _pair(tag: str) -> tuple[_Get, _Write]:
    """The reader and the writer of one type tag."""
    values = layout(tag)

    def get(dgram: bytes, start_index: int) -> tuple[Any, int]:
        data = bytes_of(dgram)
        _check_index(start_index)
        (value,), size = values.read_sized(data[start_index:], 0)
        return value, start_index + size

    def write(val: Any) -> bytes:
        return encode_message(Message("/", tag, (val,)))[_HEAD:]

    return get, write


get_string, write_string = _pair("s")
get_int, write_int = _pair("i")
get_int64, write_int64 = _pair("h")
_get_float, write_float = _pair("f")
get_double, write_double = _pair("d")
get_blob, write_blob = _pair("b")
get_rgba, write_rgba = _pair("r")
get_midi, write_midi = _pair("m")
_get_timetag, _write_timetag = _pair("t")


def get_float(dgram: bytes, start_index: int) -> tuple[float, int]:
    """A float. Zero bytes that are missing at the end of the datagram are added: some senders
    omit them."""
    data = bytes_of(dgram)
    _check_index(start_index)
    end = start_index + 4 if start_index <= len(data) else 0
    value: float
    value, index = _get_float(data.ljust(end, b"\0"), start_index)
    return value, index


def get_uint64(dgram: bytes, start_index: int) -> tuple[int, int]:
    """An unsigned integer of 64 bits."""
    value, index = _get_timetag(dgram, start_index)
    return int(value), index


def get_timetag(dgram: bytes, start_index: int) -> tuple[tuple[datetime, int], int]:
    """A time tag: its whole second in UTC, and the fraction in units of 2^-32 s."""
    value, index = _get_timetag(dgram, start_index)
    return (_NTP_EPOCH + timedelta(seconds=value.seconds), value.fraction), index


def get_date(dgram: bytes, start_index: int) -> tuple[float, int]:
    """A time tag as seconds since 1970, or IMMEDIATELY."""
    value, index = _get_timetag(dgram, start_index)
    return (IMMEDIATELY if value.immediate else value.unix()), index


def write_date(system_time: float) -> bytes:
    """The time tag of seconds since 1970, or of IMMEDIATELY."""
    return _write_timetag(timetag_of(system_time))


__getattr__ = lazy_names(
    __name__,
    *("struct", "oscbridge.parsing.ntp", "typing.Union", "typing.Tuple", "typing.cast"),
)
