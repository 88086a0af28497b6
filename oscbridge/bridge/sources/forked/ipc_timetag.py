"""Time tags in the records of a worker."""

from __future__ import annotations

from typing import NamedTuple

from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.errors import DecodeError
from oscbridge.osc import Argument, TimeTag
from oscbridge.osc.message import encode_values

__all__ = ["BundleEnd", "timetag_in", "timetag_out"]


class BundleEnd(NamedTuple):
    """All messages of a forwarded bundle have been routed."""

    group: bytes
    """That of their time tag."""

    def encode(self) -> bytes:
        return encode_values("/bundled", self)


def timetag_out(timetag: TimeTag | None) -> Argument:
    """The tag, with its group if it is handed on."""
    if timetag is None:
        return None
    if isinstance(timetag, ForwardedTag):
        return [TimeTag(timetag), timetag.group]
    return TimeTag(timetag)


def timetag_in(value: Argument) -> TimeTag | None:
    """The tag from :func:`timetag_out`. Raises :class:`DecodeError`."""
    match value:
        case None | TimeTag():
            return value
        case [TimeTag() as timetag, bytes(group)]:
            return ForwardedTag.of(timetag, group)
    raise DecodeError("record", f"not a record of a worker: time tag {value!r}")
