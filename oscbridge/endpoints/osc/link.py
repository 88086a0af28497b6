"""The link of an OSC endpoint to its peer: the interface of UDP and TCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, cast

import oscbridge

__all__ = ["DeviceLink", "OnBad", "OnLost", "OnMissed", "OnPacket", "OnRefused", "resolve"]

OnPacket: TypeAlias = Callable[[bytes, oscbridge.ClientAddress], None]
"""Receives a packet and the address of its sender."""
OnBad: TypeAlias = Callable[[oscbridge.DecodeError, oscbridge.ClientAddress], None]
OnRefused: TypeAlias = Callable[[str, int], None]
"""Receives the reason why an earlier datagram was not accepted, and the number of the error."""
OnLost: TypeAlias = Callable[[Exception], None]
OnMissed: TypeAlias = Callable[[str, int, str], None]
"""Takes the reason, the number and an explanation of sent packets that have not left."""


class DeviceLink(Protocol):
    """A link to one peer, in both directions."""

    remote: oscbridge.ClientAddress
    near: oscbridge.ClientAddress
    """The local address, as the peer sees it, with the port of the socket."""

    async def send(self, packets: Sequence[bytes]) -> None:
        """Send packets in order.

        Raises :class:`oscbridge.PartialDelivery` unless all were sent.
        """

    def try_to_send(self, packet: bytes) -> None:
        """Send a packet if possible without waiting, otherwise drop it."""

    async def close(self) -> None:
        """Close the link, after a short time for pending data."""


async def resolve(
    host: str, port: int, kind: socket.SocketKind, family: int = 0
) -> tuple[int, oscbridge.ClientAddress]:
    """The family and address of a host; prefers IPv4. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=kind, family=family)
    first = min(found, key=lambda info: info[0] != socket.AF_INET)
    return first[0], cast(oscbridge.ClientAddress, first[4])
