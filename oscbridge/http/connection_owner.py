"""The server of HTTP connections, as each of them sees it."""

from __future__ import annotations

import ssl
from collections.abc import Coroutine, Mapping
from http import HTTPStatus
from typing import Protocol

from oscbridge.http.client_wire import ClientWire
from oscbridge.http.limits import HTTPLimits
from oscbridge.net.socket_address import ClientAddress

__all__ = ["ConnectionOwner"]


class ConnectionOwner(Protocol):
    """It registers connections, counts and logs what happens to their clients."""

    limits: HTTPLimits
    tls: ssl.SSLContext | None
    """Used for new connections; None is plain text."""
    headers: Mapping[str, str]
    """Headers of every response that does not set them."""

    def enter(self, wire: ClientWire) -> bool:
        """Register a connection. Returns False to reject it."""

    def leave(self, wire: ClientWire) -> None:
        """Unregister a connection that is closed."""

    def handshake(self, work: Coroutine[object, object, None]) -> None:
        """Run a TLS handshake in the background."""

    def report_closed(self, reason: str, client: ClientAddress) -> None:
        """Count and log a connection that is closed because of a limit."""

    def report_handshake(self, error: OSError, client: ClientAddress) -> None:
        """Count and log a TLS handshake that failed."""

    def report_failure(self, error: BaseException) -> None:
        """Count and log a bug in a handler."""

    def answered(self, status: int) -> None:
        """Count a response."""

    def error_response(self, status: HTTPStatus) -> bytes:
        """The response to what cannot be handled."""

    def busy_response(self) -> bytes:
        """The response to a client whose connection is closed because of a limit."""
