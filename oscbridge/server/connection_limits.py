"""Limits of TCP connections, and the check of new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oscbridge.net.allowlist import AllowList
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = ["StreamLimits", "refusal"]


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Limits of a connection. Exceeding one ends it and is counted under the limit's name."""

    max_packet_size: int = MAX_PACKET_SIZE
    """Bytes of a packet."""
    max_connections: int = 256
    """Simultaneous connections; further ones are refused."""
    max_connections_per_address: int | None = None
    """Simultaneous connections from one address; None: only ``max_connections`` applies."""
    idle_timeout: float = 86_400.0
    """Seconds without a byte from the client."""
    packet_timeout: float = 30.0
    """Seconds from the first byte of a packet to its last."""
    reply_timeout: float = 5.0
    """Seconds that a client may leave a reply unread."""
    max_reply_bytes: int = 4_194_304
    """Bytes of replies that may wait for a client, on an event loop. Elsewhere the sending
    thread waits."""


def refusal(
    client: ClientAddress, connected: Sequence[str], allow: AllowList, limits: StreamLimits
) -> str:
    """The reason to refuse a client, for the counter, or an empty string.

    ``connected`` has the host of every open connection.
    """
    host = client[0]
    if allow and host not in allow:
        return "not_allowed"
    if len(connected) >= limits.max_connections:
        return "max_connections"
    most = limits.max_connections_per_address
    if most is not None and connected.count(host) >= most:
        return "max_connections_per_address"
    return ""
