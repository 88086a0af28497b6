"""The last message of every address, kept while a page looks at values."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from oscbridge import Argument, Message, Origin
from oscbridge.monitoring import Operations, ShownMessage
from oscbridge_ui.shown_values import is_small, kept_values, shown_values
from oscbridge_ui.value_rows import Described

__all__ = ["MAX_ADDRESSES", "StoredValue", "ValueStore", "natural"]

MAX_ADDRESSES: Final = 20_000
"""Addresses that are kept. Messages to further ones are counted."""

MAX_ADDRESS: Final = 1_024
"""Characters of an address that is kept. Messages to longer ones are counted, too."""

MAX_TYPES: Final = 65
"""Type tags that are kept of large messages: more than are shown."""

MAX_SOURCES: Final = 16
"""Names of sources, and of sinks, of one address."""


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


_DIGITS: Final = re.compile(r"([0-9]{1,18})")


class StoredValue:
    """One address. Written on any thread, read on the event loop."""

    __slots__ = (
        *("address", "args", "changed", "count", "is_small", "key", "origin"),
        *("sinks", "sources", "time", "types"),
    )

    def __init__(self, address: str) -> None:
        self.address = address
        self.types: str | None = ""
        self.args: Sequence[Argument] = ()
        self.is_small = True
        """Whether messages with these types are kept as they are."""
        self.count = 0
        self.time = 0.0
        """Of the last message, in seconds of Unix time; 0 if there was none."""
        self.changed = 0
        """Increases with each message, also those that only a sink had."""
        self.sources: tuple[str, ...] = ()
        self.sinks: tuple[str, ...] = ()
        self.origin: Origin | None = None
        self.key: Sequence[tuple[int, str]] = ()
        """By which it is sorted, once it was needed."""


class ValueStore:
    """Watches the traffic while a page shows values."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._values: dict[str, StoredValue] = {}
        self._users = 0
        self.forgotten = 0
        """Messages to addresses above the limits."""
        self._ordered: Sequence[StoredValue] = ()
        self._ordered_number = -1
        self.order_number = 0
        """Increases with each new address."""
        self.sources: dict[str, None] = {}
        """The names of all sources."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, address: str) -> StoredValue | None:
        """The facts about an address."""
        return self._values.get(address)

    def all(self) -> Sequence[StoredValue]:
        """All of them, in any order."""
        return list(self._values.values())

    async def prepare(self) -> None:
        """Prepare what :meth:`describe` needs; it may take a second."""
        await self._operations.prepare_addresses()

    def describe(self, address: str) -> Described | None:
        """What a profile, a device or the configuration says about an address."""
        info = self._operations.describe(address)
        if info is None:
            return None
        first = next(iter(info.ranges), None)
        return Described(
            text=info.description,
            unit=info.unit,
            least=None if first is None else _finite(first.minimum),
            most=None if first is None else _finite(first.maximum),
            choices=() if first is None else shown_values(first.choices or ())[0],
        )

    def ordered(self) -> Sequence[StoredValue]:
        """All of them by address, numbers in it as numbers."""
        if self._ordered_number != self.order_number:
            self._ordered_number = self.order_number
            found = list(self._values.values())
            for each in found:
                each.key = each.key or natural(each.address)
            found.sort(key=attrgetter("key"))
            self._ordered = found
        return self._ordered

    def open(self) -> None:
        """A page shows values."""
        self._users += 1
        if self._users == 1:
            self._values.clear()  # what they were meanwhile is not known
            self.order_number += 1
            self._seed()
            self._operations.hub.add(self._take)

    def release(self) -> None:
        """A page shows values no longer."""
        self._users -= 1
        if self._users == 0:
            self._operations.hub.remove(self._take)

    def close(self) -> None:
        """Stop watching."""
        if self._users:
            self._users = 1
            self.release()

    def _seed(self) -> None:
        """Begin with the last values that endpoints keep for new clients."""
        for name, message in self._operations.last_values():
            self._put("out", name, message, 0.0)

    def _take(self, shown: ShownMessage) -> None:
        """Called for each message, on any thread."""
        self._put(shown.direction, shown.name, shown.message, time.time())

    def _put(self, direction: str, name: str, message: Message, now: float) -> None:
        address, types, args, _, origin = message
        value = self._values.get(address)
        if value is None:
            if len(self._values) >= MAX_ADDRESSES or len(address) > MAX_ADDRESS:
                self.forgotten += 1
                return
            value = self._values.setdefault(address, StoredValue(address))
            self.order_number += 1
        if direction == "in":
            if name not in value.sources:
                value.sources = (*value.sources, name)[:MAX_SOURCES]
                self.sources[name] = None
        else:
            if name not in value.sinks:
                value.sinks = (*value.sinks, name)[:MAX_SOURCES]
            if value.sources:
                value.changed += 1
                return
        if types != value.types:
            value.is_small = is_small(types)
        if not value.is_small:
            args, types = kept_values(args), (types or "")[:MAX_TYPES]
        value.types, value.args, value.origin, value.time = types, args, origin, now
        value.count += 1
        value.changed += 1


def natural(address: str) -> Sequence[tuple[int, str]]:
    """A key that sorts ``/fader10`` after ``/fader9``."""
    parts = _DIGITS.split(address)
    return [(int(each) if i % 2 else -1, each) for i, each in enumerate(parts)]
