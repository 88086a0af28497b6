"""The phases of an HTTP connection."""

from __future__ import annotations

from enum import Enum, auto

__all__ = ["ConnectionPhase"]


class ConnectionPhase(Enum):
    """What data from the client is: each phase treats it in another way."""

    HANDSHAKE = auto()
    """The beginning of a head, before the TLS handshake is complete here."""
    HEAD = auto()
    """The head of a request."""
    BODY = auto()
    """The body of a request that is being handled."""
    ANSWER = auto()
    """Unexpected: a request without further data is being handled."""
    STREAM = auto()
    """Unexpected: a response without end is being sent."""
    OVER = auto()
    """Ignored, after the last response."""
    UPGRADED = auto()
    """Another protocol, which has limits of its own."""
