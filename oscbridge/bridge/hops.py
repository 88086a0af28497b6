"""How many endpoints a message has come through: the end of every ring of routes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from oscbridge.osc import Origin

__all__ = ["MAX_HOPS", "hops_of", "origin_after"]

MAX_HOPS: Final = 8
"""Endpoints that a message may come through, one after another, before it is dropped."""


class _RelayedOrigin(Origin):
    """The origin of a message that endpoints have passed on.

    It equals the plain :class:`Origin` of the same source and peer.
    """

    hops: int


def hops_of(origin: Origin | None) -> int:
    """Endpoints that a message with this origin came through before its source."""
    return origin.hops if isinstance(origin, _RelayedOrigin) else 0


def origin_after(source: str, peer: Hashable, hops: int) -> Origin:
    """The origin of a message from ``source`` that came through ``hops`` endpoints before."""
    if not hops:
        return Origin(source, peer)
    origin = _RelayedOrigin(source, peer)
    origin.hops = hops
    return origin
