"""Who may connect over TCP: by network, and by how many are connected already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oscbridge.dispatch.handler import ClientAddress
from oscbridge.net.allowlist import AllowList
from oscbridge.osc.framing import MAX_FRAME

__all__ = ["StreamLimits", "refusal"]


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a connection may do. A limit that is passed ends it, and is counted."""

    frame: int = MAX_FRAME
    """Bytes of a packet."""
    connections: int = 256
    """Connections at once; others are refused."""
    per_address: int | None = None
    """Connections at once from one address; None: as many as there may be in all."""
    idle: float = 86_400.0
    """Seconds without a byte from the client."""
    unfinished: float = 30.0
    """Seconds in which a packet that was begun must be finished."""
    send: float = 5.0
    """Seconds that a client may keep a reply waiting."""
    replies: int = 4_194_304
    """Bytes of replies that may wait for a client to read them, on an event loop. Elsewhere
    the one who sends waits."""


def refusal(
    client: ClientAddress, connected: Sequence[str], allow: AllowList, limits: StreamLimits
) -> str:
    """Why a client may not connect, as a reason to count, or nothing.

    ``connected`` has the host of every connection that is open.
    """
    host = client[0]
    if allow and host not in allow:
        return "not_allowed"
    if len(connected) >= limits.connections:
        return "connections"
    if limits.per_address is not None and connected.count(host) >= limits.per_address:
        return "connections_per_address"
    return ""
