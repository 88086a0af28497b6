"""What an endpoint answers about a lease, of which only one bridge is the holder at a time."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Lease"]


class Lease(NamedTuple):
    """A lease, as the endpoint knows it."""

    holder: str
    """The name of its holder; empty if it has none."""
    seconds: float = 0.0
    """Seconds until another holder may be granted it, unless it is renewed; 0 if unknown."""
