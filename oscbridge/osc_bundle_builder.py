"""Builds OSC bundles, under the names of python-osc."""

from __future__ import annotations

from typing import Final

from oscbridge.errors import DecodeError, EncodeRangeError, EncodeTypeError
from oscbridge.errors import EncodeError as BuildError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import IMMEDIATELY as _IMMEDIATE_TAG
from oscbridge.osc import TimeTag, encode_bundle
from oscbridge.osc_bundle import OscBundle
from oscbridge.osc_packet import Sendable, datagram_of

__all__ = ["IMMEDIATELY", "BuildError", "OscBundleBuilder", "timetag_of"]

IMMEDIATELY: Final = 0
"""The timestamp of a bundle that is to be handled at once."""


class OscBundleBuilder:
    """Builds a bundle of messages and bundles.

    ``timestamp`` is in seconds since 1970, as ``time.time()`` returns, or IMMEDIATELY, or
    a :class:`~oscbridge.osc.TimeTag`.
    """

    def __init__(self, timestamp: float) -> None:
        self._timestamp = timestamp
        self._contents: list[Sendable] = []

    def add_content(self, content: Sendable) -> None:
        """Add a message or a bundle."""
        self._contents.append(content)

    def build(self) -> OscBundle:
        """The bundle. Raises :class:`BuildError`."""
        parts = []
        for content in self._contents:
            try:
                parts.append(datagram_of(content))
            except AttributeError:
                text = f"expected a message or a bundle, got {content!r}"
                raise BuildError(text) from None
        try:
            return OscBundle(encode_bundle(parts, timetag_of(self._timestamp)))
        except DecodeError as error:
            raise BuildError(f"invalid content: {error}") from None


def timetag_of(timestamp: float) -> TimeTag:
    """The time tag of a timestamp. Raises :class:`BuildError`."""
    if isinstance(timestamp, TimeTag):
        return timestamp
    try:
        if timestamp == IMMEDIATELY:
            return _IMMEDIATE_TAG
        timetag = TimeTag.from_unix(timestamp)
        if abs(timetag.unix() - timestamp) < 1.0:
            return timetag
    except TypeError:
        raise EncodeTypeError(
            f"expected a time, in seconds since 1970, got {timestamp!r}"
        ) from None
    except (ValueError, OverflowError):
        pass
    text = f"expected a time from 1968 to 2104, in seconds since 1970, got {timestamp!r}"
    raise EncodeRangeError(text)


__getattr__ = lazy_names(
    __name__,
    *("oscbridge.osc_bundle", "oscbridge.osc_message", "oscbridge.parsing.osc_types"),
    *("typing.List",),
)
