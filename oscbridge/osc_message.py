"""OSC messages under the names of python-osc: a datagram and its content."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final, Self

from oscbridge.errors import DecodeError as ParseError
from oscbridge.errors import DecodeTypeError
from oscbridge.lazy_names import lazy_names
from oscbridge.osc import Argument, Limits, Message, decode_message
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = ["LIMITS", "Datagram", "OscMessage", "ParseError", "bytes_of"]

LIMITS: Final = Limits(max_packet_size=MAX_PACKET_SIZE, max_address_length=MAX_PACKET_SIZE)
"""Packets may come from TCP, so an address may be as long as a packet."""


def bytes_of(dgram: object) -> bytes:
    """The bytes of a datagram. Raises :class:`DecodeTypeError` for anything else."""
    if isinstance(dgram, bytes):
        return dgram
    if isinstance(dgram, bytearray | memoryview):
        return bytes(dgram)
    raise DecodeTypeError("type", f"expected bytes, got {dgram!r}")


class Datagram:
    """An encoded packet."""

    _dgram: bytes

    @property
    def dgram(self) -> bytes:
        """The datagram."""
        return self._dgram

    @property
    def size(self) -> int:
        """Bytes of the datagram."""
        return len(self._dgram)


class OscMessage(Datagram):
    """One message, read from a datagram. Raises :class:`ParseError`.

    ``address``, ``types`` and ``args`` are those of :attr:`message`, the message in the form
    that the rest of this package uses.
    """

    def __init__(self, dgram: bytes) -> None:
        self._dgram = bytes_of(dgram)
        self.message  # noqa: B018  # raises the error

    @classmethod
    def of(cls, dgram: bytes, message: Message | None = None) -> Self:
        """A message from a valid datagram, which is decoded when needed."""
        made = cls.__new__(cls)
        made._dgram = dgram
        if message is not None:
            made.message = message
        return made

    @cached_property
    def message(self) -> Message:
        """The decoded message."""
        return decode_message(self._dgram, LIMITS)

    @property
    def address(self) -> str:
        """The address, which may be a pattern."""
        return self.message.address

    @property
    def types(self) -> str | None:
        """The type tags, without the comma."""
        return self.message.types

    @property
    def args(self) -> tuple[Argument, ...]:
        """The arguments."""
        return self.message.args

    @property
    def params(self) -> list[Argument]:
        """The arguments, as a new list."""
        return list(self.message.args)

    @staticmethod
    def dgram_is_message(dgram: bytes) -> bool:
        """Whether a datagram begins like a message."""
        return dgram.startswith(b"/")

    def __iter__(self) -> Iterator[Argument]:
        return iter(self.message.args)

    def __str__(self) -> str:
        return " ".join((self.address, *map(str, self)))

    def __repr__(self) -> str:
        return f"<OscMessage {self}>"


__getattr__ = lazy_names(
    __name__,
    *("logging", "oscbridge.parsing.osc_types", "typing.Any", "typing.List"),
)
