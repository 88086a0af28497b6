"""Who may connect over TCP: by network, and by how many are connected already."""

from __future__ import annotations

from collections.abc import Sequence

from oscbridge.handler import ClientAddress
from oscbridge.networks import Networks
from oscbridge.transport.stream import StreamLimits

__all__ = ["refusal"]


def refusal(
    client: ClientAddress, connected: Sequence[str], allow: Networks, limits: StreamLimits
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
