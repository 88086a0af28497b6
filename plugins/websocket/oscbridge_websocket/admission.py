"""Who is connected, counted from the first packet on, before any handshake."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from oscbridge_websocket.options import WebSocketOptions

__all__ = ["Admission", "Visitor"]


class Visitor(Protocol):
    """A connection, whatever it has shown so far."""

    network: str
    """The network that it comes from."""

    def abort(self) -> None:
        """End it at once."""


class Admission:
    """All connections of an endpoint, each of which may become a client."""

    def __init__(self, options: WebSocketOptions) -> None:
        self.options = options
        self._open = True
        self._visitors: dict[Visitor, bool] = {}
        """Whether each has become a client."""
        self._strangers = 0
        self._networks: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._visitors)

    @property
    def clients(self) -> int:
        """How many have become clients."""
        return len(self._visitors) - self._strangers

    def enter(self, visitor: Visitor) -> str:
        """Take in a new connection. Returns why not, or nothing."""
        limits = self.options
        if not self._open:
            return "a connection after the end"
        if self._networks[visitor.network] >= limits.max_connections_per_address:
            return (
                f"{visitor.network}: a connection beyond "
                f"max_connections_per_address = {limits.max_connections_per_address}"
            )
        if self._strangers >= limits.max_handshakes:
            return (
                f"{visitor.network}: a connection beyond max_handshakes = {limits.max_handshakes}"
            )
        self._visitors[visitor] = False
        self._strangers += 1
        self._networks[visitor.network] += 1
        return ""

    def accept(self, visitor: Visitor) -> bool:
        """Make it a client. Returns whether there was room."""
        if self.is_full or self._visitors.get(visitor, True):
            return False
        self._visitors[visitor] = True
        self._strangers -= 1
        return True

    @property
    def is_full(self) -> bool:
        """Whether there are as many clients as there may be."""
        return self.clients >= self.options.max_connections

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection that has ended."""
        was_client = self._visitors.pop(visitor, None)
        if was_client is None:
            return
        self._strangers -= not was_client
        self._networks[visitor.network] -= 1
        if not self._networks[visitor.network]:
            del self._networks[visitor.network]

    def open(self) -> None:
        """Take in whoever comes."""
        self._open = True

    def close(self) -> None:
        """Take in nobody any more, and end those that are no clients."""
        self._open = False
        for visitor in [each for each, is_client in self._visitors.items() if not is_client]:
            visitor.abort()

    def abort(self) -> None:
        """End all that are left."""
        for visitor in list(self._visitors):
            visitor.abort()
