"""Records of a worker about the clients of its bridge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from oscbridge.osc import Argument
from oscbridge.osc.message import encode_values

__all__ = ["AskedRecord", "ClientDisconnected", "ClientRecord", "SenderRecord", "is_address"]


class ClientDisconnected(NamedTuple):
    """The connection of a client has ended."""

    client: tuple[str | int, ...]
    """Its socket address."""

    def encode(self) -> bytes:
        return encode_values("/left", [list(self.client)])


class SenderRecord(NamedTuple):
    """A client was heard, or no program listens at its port."""

    client: tuple[str | int, ...]
    """Its socket address."""
    is_reachable: bool

    def encode(self) -> bytes:
        return encode_values("/sender", [list(self.client), self.is_reachable])


class AskedRecord(NamedTuple):
    """A client has sent a message that is routed, and may be answered."""

    client: tuple[str | int, ...]
    """Its socket address."""
    address: str
    """Of the message, as received."""

    def encode(self) -> bytes:
        return encode_values("/asked", [list(self.client), self.address])


ClientRecord: TypeAlias = ClientDisconnected | SenderRecord | AskedRecord


def is_address(parts: Sequence[Argument]) -> bool:
    """Whether these are the parts of a socket address."""
    return all(isinstance(part, str | int) for part in parts)
