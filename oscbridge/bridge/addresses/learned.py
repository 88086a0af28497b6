"""The addresses that were learned from messages, kept across reloads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.merging import merged
from oscbridge.bridge.addresses.learning import TrafficLearner
from oscbridge.bridge.watching import TrafficWatchers

__all__ = ["LearnedAddresses", "NewAddresses"]

NewAddresses: TypeAlias = Mapping[str, Sequence[AddressInfo]]
"""Learned addresses by the bridge or endpoint that they passed."""


class LearnedAddresses:
    """Learns while the configuration says so.

    ``on_new`` is called on any thread when a message has a new address.
    """

    def __init__(self, watchers: TrafficWatchers, on_new: Callable[[], None]) -> None:
        self._watchers = watchers
        self._on_new = on_new
        self._learner: TrafficLearner | None = None
        self._end: Callable[[], None] | None = None
        self._infos: dict[str, dict[str, AddressInfo]] = {}

    @property
    def ignored(self) -> Counter[str]:
        """Addresses not learned, by reason."""
        return Counter() if self._learner is None else self._learner.ignored.copy()

    def use(self, limit: int) -> bool:
        """Learn at most this number of addresses; 0 forgets all. Returns whether that is new."""
        if limit == (0 if self._learner is None else self._learner.limit):
            return False
        if self._end is not None:
            self._end()
        self._learner, self._end, self._infos = None, None, {}
        if limit:
            self._learner = TrafficLearner(limit, self._on_new)
            self._end = self._watchers.add(self._learner.take)
        return True

    def snapshot(self) -> NewAddresses:
        """All that was learned until now, by part."""
        self.take_new()
        return {part: tuple(infos.values()) for part, infos in self._infos.items()}

    def since(self, snapshot: NewAddresses) -> NewAddresses:
        """Facts learned after a snapshot."""
        self.take_new()
        found = {}
        for part, infos in self._infos.items():
            known = {info.address: info for info in snapshot.get(part, ())}
            new = [info for each, info in infos.items() if known.get(each) is not info]
            if new:
                found[part] = new
        return found

    def take_new(self) -> NewAddresses:
        """Facts learned since the last call, by part."""
        new: dict[str, list[AddressInfo]] = {}
        for part, info in () if self._learner is None else self._learner.take_new():
            known = self._infos.setdefault(part, {})
            before = known.get(info.address)
            if before is not None:
                info = merged((before, info), before.access | info.access)
            known[info.address] = info
            new.setdefault(part, []).append(info)
        return new
