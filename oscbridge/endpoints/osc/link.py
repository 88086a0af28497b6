"""What the OSC endpoint speaks through."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, cast

import oscbridge

__all__ = ["DeviceLink", "OnBad", "OnLost", "OnPacket", "OnRefused", "resolve"]

OnPacket: TypeAlias = Callable[[bytes, oscbridge.ClientAddress], None]
"""Takes a packet and who sent it."""
OnBad: TypeAlias = Callable[[oscbridge.DecodeError, oscbridge.ClientAddress], None]
OnRefused: TypeAlias = Callable[[str], None]
"""Takes the reason why an earlier datagram was not accepted."""
OnLost: TypeAlias = Callable[[Exception], None]


class DeviceLink(Protocol):
    """A way to one peer and back."""

    remote: oscbridge.ClientAddress
    near: oscbridge.ClientAddress
    """Where the peer sees us; the port is that of our socket."""

    async def send(self, packets: Sequence[bytes]) -> None:
        """Send packets in order.

        Raises :class:`oscbridge.PartialDelivery` unless all were sent.
        """

    def try_to_send(self, packet: bytes) -> None:
        """Send a packet if that is possible at once."""

    async def close(self) -> None:
        """Close it, after a moment for pending data."""


async def resolve(
    host: str, port: int, kind: socket.SocketKind, family: int = 0
) -> tuple[int, oscbridge.ClientAddress]:
    """Family and address of a host, IPv4 if it has both. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=kind, family=family)
    first = min(found, key=lambda info: info[0] != socket.AF_INET)
    return first[0], cast(oscbridge.ClientAddress, first[4])
