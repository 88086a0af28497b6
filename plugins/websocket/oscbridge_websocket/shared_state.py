"""What the connections of an endpoint share with it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias

import oscbridge
from oscbridge_websocket.registry import ConnectionRegistry, TrackedT
from oscbridge_websocket.rejection import Rejection

__all__ = ["AuthResult", "SharedState"]

AuthResult: TypeAlias = oscbridge.AccessGrant | Rejection | None
"""The result of checking a request; None if it has no token yet."""


@dataclass
class SharedState(Generic[TrackedT]):
    """What all connections of an endpoint share."""

    registry: ConnectionRegistry[TrackedT]
    tls: ssl.SSLContext | None
    """Used for connections that start from now on; None is plain text."""
    on_refused: Callable[[str], None]
    on_throttled: Callable[[str], None]
    """Called once for a connection that is throttled."""
    handshakes: set[asyncio.Task[None]] = field(default_factory=set)
    """Running TLS handshakes."""
