"""Learns addresses from the messages that pass, if the configuration wants it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from oscbridge.address_space.info import Access, AddressInfo
from oscbridge.address_space.kept_values import ValueDirection
from oscbridge.address_space.limits import MAX_TYPES, why_not
from oscbridge.osc import Message

__all__ = ["TrafficLearner"]


class TrafficLearner:
    """The addresses of messages that were received or delivered.

    ``on_new`` is called on the thread of a message with a new address.
    """

    def __init__(self, limit: int, on_new: Callable[[], None]) -> None:
        self.limit = limit
        """Addresses that are learned; when there are as many, no other one is."""
        self.ignored: Counter[str] = Counter()
        self._on_new = on_new
        self._lock = threading.Lock()
        self._seen: dict[tuple[ValueDirection, str], dict[str, None]] = {}
        """Addresses that need not be looked at again, by where they passed."""
        self._addresses: set[str] = set()
        self._new: list[tuple[str, AddressInfo]] = []

    def __len__(self) -> int:
        return len(self._addresses)

    def take(self, direction: ValueDirection, part: str, message: Message) -> None:
        """Look at a message. Thread-safe."""
        seen = self._seen.get((direction, part))
        if seen is not None and message.address in seen:
            return
        self._learn(direction, part, message)

    def _learn(self, direction: ValueDirection, part: str, message: Message) -> None:
        address, types = message.address, message.types or ""
        reason = why_not(address)
        with self._lock:
            if not reason and address not in self._addresses:
                if len(self._addresses) >= self.limit:
                    reason = "learned"
                else:
                    self._addresses.add(address)
            if reason:
                self.ignored[reason] += 1
                return
            seen = self._seen.setdefault((direction, part), {})
            if address in seen:
                return
            seen[address] = None
            access = Access.READ if direction == "in" else Access.WRITE
            types = types if len(types) <= MAX_TYPES else ""
            info = AddressInfo(address, types, access=access, origin="traffic")
            is_first = not self._new
            self._new.append((part, info))
        if is_first:
            self._on_new()

    def take_new(self) -> list[tuple[str, AddressInfo]]:
        """New facts learned since the last call: parts and addresses."""
        with self._lock:
            new, self._new = self._new, []
        return new
