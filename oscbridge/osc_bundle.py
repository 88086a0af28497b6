"""OSC bundles under the names of python-osc: a datagram and its content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from oscbridge.errors import DecodeError as ParseError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import Bundle, Message, TimeTag, decode_packet
from oscbridge.osc.packet import split_bundle
from oscbridge.osc.unreadable import UnreadableMessage
from oscbridge.osc_message import LIMITS, Datagram, OscMessage, bytes_of

__all__ = ["OscBundle", "ParseError"]


class OscBundle(Datagram):
    """One bundle, read from a datagram with its content. Raises :class:`ParseError`.

    Messages with an unknown type tag, or an address that is not UTF-8, are discarded.
    """

    def __init__(self, dgram: bytes) -> None:
        dgram = bytes_of(dgram)
        bundle = decode_packet(dgram, LIMITS)
        if isinstance(bundle, Message):
            raise ParseError("bundle", f"not a bundle: {dgram[:16]!r}")
        self._fill(dgram, bundle)

    def _fill(self, dgram: bytes, bundle: Bundle) -> Self:
        self._dgram = dgram
        self._bundle = bundle
        self._contents: list[OscMessage | OscBundle] = []
        elements = iter(bundle.elements)
        for part in split_bundle(dgram)[1]:
            if part.startswith(b"#"):
                inner = next(elements)
                assert isinstance(inner, Bundle)
                self._contents.append(OscBundle.__new__(OscBundle)._fill(part, inner))
                continue
            with suppress(UnreadableMessage):
                self._contents.append(OscMessage(part))
                next(elements)
        return self

    @property
    def bundle(self) -> Bundle:
        """The bundle in the form that the rest of this package uses."""
        return self._bundle

    @property
    def timetag(self) -> TimeTag:
        """The exact time tag."""
        return self._bundle.timetag

    @property
    def timestamp(self) -> float:
        """The time, in seconds since 1970; 0 for immediately."""
        return 0 if self.timetag.immediate else self.timetag.unix()

    @property
    def num_contents(self) -> int:
        """Number of its messages and bundles, without those of inner bundles."""
        return len(self._contents)

    def content(self, index: int) -> OscMessage | OscBundle:
        """One of its messages or bundles, counted from 0. Raises ``IndexError``."""
        return self._contents[index]

    @staticmethod
    def dgram_is_bundle(dgram: bytes) -> bool:
        """Whether a datagram begins like a bundle."""
        return dgram.startswith(b"#bundle\0")

    def __iter__(self) -> Iterator[OscMessage | OscBundle]:
        return iter(self._contents)


__getattr__ = lazy_names(
    __name__,
    *("logging", "oscbridge.osc_message", "oscbridge.parsing.osc_types", "typing.Any"),
    *("typing.List", "typing.Union"),
)
