"""Listeners by address. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from typing import Final, Generic, TypeVar

import oscbridge

__all__ = ["MAX_LISTENS", "MAX_PATTERNS", "ListenTable"]

MAX_LISTENS: Final = 40_000
"""Addresses that one client can listen to: twice the nodes of the largest tree."""

MAX_PATTERNS: Final = 64
"""Patterns among them, which are compared with each new address."""

MAX_MATCHES: Final = 40_000
"""Addresses whose listeners by patterns are cached."""

MAX_CACHED_LENGTH: Final = 256
"""The length of an address whose listeners are cached, in characters."""

ClientT = TypeVar("ClientT", bound=Hashable)


class ListenTable(Generic[ClientT]):
    """``LISTEN`` and ``IGNORE`` of all clients.

    An address is that node only, not those below it. Clients of libossia may also ask for
    patterns, e.g. ``/mixer/*``.
    """

    def __init__(self) -> None:
        self._clients: dict[str, dict[ClientT, None]] = {}
        """The clients of each address."""
        self._addresses: dict[ClientT, set[str]] = {}
        self._patterns: dict[ClientT, dict[str, oscbridge.Pattern]] = {}
        self._matches: dict[str, tuple[ClientT, ...]] = {}
        """Cached listeners of addresses, while there are patterns."""

    def count(self, client: ClientT) -> int:
        """The addresses and patterns that a client listens to."""
        return len(self._addresses.get(client, ())) + len(self._patterns.get(client, ()))

    def listen(self, client: ClientT, address: str) -> bool:
        """Add an address or a pattern. Returns whether it is within the limits.

        Raises :class:`oscbridge.PatternError` for a pattern that is not well formed.
        """
        if oscbridge.is_pattern(address):
            patterns = self._patterns.get(client, {})
            if address not in patterns and len(patterns) >= MAX_PATTERNS:
                return False
            self._patterns[client] = {**patterns, address: oscbridge.Pattern(address)}
            self._matches.clear()
            return True
        addresses = self._addresses.setdefault(client, set())
        if address not in addresses:
            if len(addresses) >= MAX_LISTENS:
                return False
            addresses.add(address)
            self._clients.setdefault(address, {})[client] = None
            self._matches.pop(address, None)
        return True

    def ignore(self, client: ClientT, address: str) -> None:
        """Remove an address or a pattern."""
        patterns = self._patterns.get(client, {})
        if patterns.pop(address, None) is not None:
            self._matches.clear()
            if not patterns:
                del self._patterns[client]
        addresses = self._addresses.get(client, set())
        if address in addresses:
            addresses.discard(address)
            self._forget(client, address)

    def remove(self, client: ClientT) -> None:
        """Remove all of a client that has disconnected."""
        if self._patterns.pop(client, None):
            self._matches.clear()
        for address in self._addresses.pop(client, ()):
            self._forget(client, address)

    def retain(self, client: ClientT, may_listen: Callable[[str], bool]) -> None:
        """Remove what a client may not listen to any more."""
        for address in (*self._addresses.get(client, ()), *self._patterns.get(client, ())):
            if not may_listen(address):
                self.ignore(client, address)

    def _forget(self, client: ClientT, address: str) -> None:
        clients = self._clients[address]
        del clients[client]
        if not clients:
            del self._clients[address]
        self._matches.pop(address, None)

    def of(self, address: str) -> Collection[ClientT]:
        """The clients that listen to an address."""
        if not self._patterns:
            return self._clients.get(address, ())
        found = self._matches.get(address)
        if found is None:
            found = self._find(address)
            if len(address) > MAX_CACHED_LENGTH:
                return found
            if len(self._matches) >= MAX_MATCHES:
                self._matches.clear()
            self._matches[address] = found
        return found

    def _find(self, address: str) -> tuple[ClientT, ...]:
        subject = oscbridge.Subject(address)
        clients = dict(self._clients.get(address, {}))
        for client, patterns in self._patterns.items():
            if any(pattern.matches(subject) for pattern in patterns.values()):
                clients[client] = None
        return tuple(clients)

    @property
    def cached(self) -> int:
        """The number of addresses whose listeners are cached."""
        return len(self._matches)
