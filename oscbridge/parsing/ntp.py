"""NTP time stamps, as in time tags, under the names of python-osc.

System times are in seconds since 1970. Unlike in python-osc, a time stamp whose highest bit is
clear is after 2036-02-07 (RFC 4330, section 3), as everywhere in this package.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from oscbridge.errors import OSCError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import IMMEDIATELY as _IMMEDIATE_TAG
from oscbridge.osc.timetag import UNIX_EPOCH, TimeTag

__all__ = [
    "IMMEDIATELY",
    "NtpError",
    "Timestamp",
    "ntp_time_to_system_epoch",
    "ntp_to_system_time",
    "parse_timestamp",
    "system_time_to_ntp",
    "system_time_to_ntp_epoch",
]

_TIMESTAMP: Final = struct.Struct(">Q")

IMMEDIATELY: Final = _TIMESTAMP.pack(_IMMEDIATE_TAG)
"""The time stamp of a bundle that is to be handled at once."""


class Timestamp(NamedTuple):
    """An NTP time stamp."""

    seconds: int
    """Whole seconds since 1900, 0 to 2^32 - 1."""
    fraction: int
    """Fraction of a second, in units of 2^-32 s."""


class NtpError(OSCError):
    """Not an NTP time stamp, or a time that none can have."""


class _NotANumber(NtpError, TypeError):
    """No time at all."""


class _RangeError(NtpError, OverflowError, struct.error):
    """A time that no time stamp can have. For some, python-osc raises other errors."""


def parse_timestamp(timestamp: int) -> Timestamp:
    """Split a time stamp of 64 bits."""
    if not isinstance(timestamp, int):
        raise TypeError(f"expected an integer, got {timestamp!r}")
    tag = TimeTag(timestamp)
    return Timestamp(tag.seconds, tag.fraction)


def ntp_to_system_time(timestamp: bytes) -> float:
    """The system time of 8 bytes. Raises :class:`NtpError`."""
    try:
        return TimeTag(*_TIMESTAMP.unpack(timestamp)).unix()
    except (struct.error, TypeError) as error:
        raise NtpError(str(error)) from None


def system_time_to_ntp(seconds: float) -> bytes:
    """The 8 bytes nearest to a system time. Raises :class:`NtpError`."""
    try:
        tag = TimeTag.from_unix(seconds)
        if abs(tag.unix() - seconds) < 1.0:
            return _TIMESTAMP.pack(tag)
    except TypeError as error:
        raise _NotANumber(str(error)) from None
    except (ValueError, OverflowError):
        pass
    raise _RangeError(f"expected a time from 1968 to 2104, in seconds since 1970, got {seconds!r}")


def ntp_time_to_system_epoch(seconds: float) -> float:
    """Seconds since 1900 as seconds since 1970."""
    return seconds - UNIX_EPOCH


def system_time_to_ntp_epoch(seconds: float) -> float:
    """Seconds since 1970 as seconds since 1900."""
    return seconds + UNIX_EPOCH


__getattr__ = lazy_names(__name__, "datetime", "time")
