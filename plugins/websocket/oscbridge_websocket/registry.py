"""The open connections of an endpoint, counted before any handshake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Generic, Protocol, TypeVar

from oscbridge_websocket.options import WebSocketOptions

__all__ = ["ConnectionRegistry", "TrackedConnection", "TrackedT"]


class TrackedConnection(Protocol):
    """A connection, whether its handshake is complete or not."""

    network: str
    """The network that it comes from: see :func:`oscbridge.network_of`."""
    via: str
    """The trusted proxy that it comes by, if any: its clients are limited, not the proxy."""

    def abort(self) -> None:
        """Close it immediately."""


TrackedT = TypeVar("TrackedT", bound=TrackedConnection)


class ConnectionRegistry(Generic[TrackedT]):
    """All connections of an endpoint, each of which may become a client."""

    def __init__(self, options: WebSocketOptions) -> None:
        self.options = options
        self._open = True
        self._connections: dict[TrackedT, bool] = {}
        """Whether each has become a client."""
        self._handshakes = 0
        self._networks: Counter[str] = Counter()

    @property
    def connections(self) -> Collection[TrackedT]:
        """All open connections, oldest first."""
        return self._connections.keys()

    @property
    def clients(self) -> int:
        """The number of connections that have become clients."""
        return len(self._connections) - self._handshakes

    @property
    def networks(self) -> int:
        """The number of networks that have connections."""
        return len(self._networks)

    @property
    def is_full(self) -> bool:
        """Whether the limit of clients is reached."""
        return self.clients >= self.options.max_connections

    def add(self, connection: TrackedT) -> str:
        """Add a new connection. Returns why it is refused, or an empty string."""
        limits, network = self.options, connection.network
        if not self._open:
            return "a connection: the endpoint is closing"
        if not connection.via and (refusal := self._refusal(network)):
            return refusal
        if self._handshakes >= limits.max_handshakes:
            return f"a connection from {network}: max_handshakes = {limits.max_handshakes} reached"
        self._connections[connection] = False
        self._handshakes += 1
        self._networks[network] += 1
        return ""

    def _refusal(self, network: str) -> str:
        limit = self.options.max_connections_per_address
        if self._networks[network] < limit:
            return ""
        return f"a connection from {network}: max_connections_per_address = {limit} reached"

    def move(self, connection: TrackedT, network: str) -> str:
        """Count a connection for the network of the client behind a proxy.

        Returns why it is refused, or an empty string.
        """
        refusal = self._refusal(network)
        if not refusal and connection in self._connections:
            self._release(connection.network)
            connection.network = network
            self._networks[network] += 1
        return refusal

    def promote(self, connection: TrackedT) -> bool:
        """Make a connection a client. Returns whether there was room."""
        if self.is_full or self._connections.get(connection, True):
            return False
        self._connections[connection] = True
        self._handshakes -= 1
        return True

    def remove(self, connection: TrackedT) -> None:
        """Forget a connection that has ended; no effect if it is not registered."""
        was_client = self._connections.pop(connection, None)
        if was_client is None:
            return
        self._handshakes -= not was_client
        self._release(connection.network)

    def _release(self, network: str) -> None:
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]

    def open(self) -> None:
        """Accept new connections."""
        self._open = True

    def close(self) -> None:
        """Refuse new connections and abort those that have not become clients."""
        self._open = False
        for connection in [each for each, is_client in self._connections.items() if not is_client]:
            connection.abort()

    def abort(self) -> None:
        """Abort all remaining connections."""
        for connection in list(self._connections):
            connection.abort()
