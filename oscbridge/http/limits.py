"""The limits of an HTTP server for its clients."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HTTPLimits"]


@dataclass(frozen=True, slots=True)
class HTTPLimits:
    """Limits for clients. A client that exceeds one gets a response, if possible, and is closed."""

    max_connections: int = 32
    """Concurrent connections, including TLS handshakes. An idle one is closed to make room for a
    new one; without one, the one that has waited longest for its request or the rest of it."""
    max_connections_per_address: int | None = None
    """Concurrent connections from one address, which make room for each other likewise; None:
    only ``max_connections`` applies."""
    max_head_size: int = 8_192
    """Bytes of a request line and its headers."""
    max_body_size: int = 1_048_576
    """Bytes of a request's body, for those that read it."""
    request_timeout: float = 5.0
    """Seconds to receive the head of a request; for the first one, since the connection was
    accepted. TLS handshakes and bodies have as long each."""
    idle_timeout: float = 75.0
    """Seconds between requests: more than the interval of most monitoring systems."""
    send_timeout: float = 5.0
    """Seconds for a client to read its response."""
    linger_timeout: float = 1.0
    """Seconds for a client that is still sending to read the response."""
