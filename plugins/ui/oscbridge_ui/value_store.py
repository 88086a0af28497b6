"""The last message of every address, and its history: kept while a page is open."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Final

from oscbridge import Argument, Color, Message, Origin, TimeTag
from oscbridge.monitoring import Operations, ShownMessage
from oscbridge_ui.samples import Samples
from oscbridge_ui.scope import PageScope
from oscbridge_ui.shown_values import is_small, kept_values, shown_values
from oscbridge_ui.steady_time import steady_time
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

HISTORY: Final = 600
"""Seconds of history of an address."""

MAX_HISTORIES: Final = 4_000
"""Addresses with a history: 2.4 kB each. One whose number is the same for so long needs none."""

KEPT: Final = 60.0
"""Seconds for which everything is kept after the last page was closed: it may be loading again."""


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


_LARGEST: Final = 3e38
"""Numbers of this size have no history: samples are 32-bit floats."""

_DIGITS: Final = re.compile(r"([0-9]{1,18})")


class StoredValue:
    """One address. Written on any thread, read on the event loop."""

    __slots__ = (
        *("address", "args", "changed", "count", "is_small", "key", "origin", "receivers"),
        *("routed", "sampled", "samples", "sinks", "sources", "time", "types"),
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
        self.routed: tuple[int, tuple[str, ...]] | None = None
        """The number of the routes, and the sources, by which ``receivers`` were found."""
        self.receivers: Sequence[str] = ()
        """The endpoints that routes lead its messages to, with whatever address."""
        self.origin: Origin | None = None
        self.key: Sequence[tuple[int, str]] = ()
        """By which it is sorted, once it was needed."""
        self.samples: Samples | None = None
        self.sampled = 0
        """What ``changed`` was at the last sample."""

    @property
    def number(self) -> float | None:
        """The first number among the values."""
        for each in self.args:
            if isinstance(each, int | float) and not isinstance(each, bool | Color | TimeTag):
                return float(each) if -_LARGEST < each < _LARGEST else None
        return None


class ValueStore:
    """Watches the traffic while a page is open, and for a minute after.

    With a ``scope`` only the messages that it shows: an address that a token may see in one place
    has other values in others.
    """

    def __init__(self, operations: Operations, scope: PageScope | None = None) -> None:
        self._operations = operations
        self._scope = scope
        self._values: dict[str, StoredValue] = {}
        self._users = 0
        self._ending: asyncio.TimerHandle | None = None
        """When nobody shows values, until they are watched no longer."""
        self.forgotten = 0
        """Messages to addresses above the limits."""
        self._ordered: Sequence[StoredValue] = ()
        self._ordered_number = -1
        self.order_number = 0
        """Increases with each new address."""
        self._routes: object = None
        self._routes_number = 0
        self.sources: dict[str, None] = {}
        """The names of all sources."""
        self._sampling: asyncio.Task[None] | None = None
        """Running while the traffic is watched."""
        self._histories: set[str] = set()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def is_watching(self) -> bool:
        """Whether a page is open, or was within the last minute."""
        return self._sampling is not None

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

    def receivers(self, value: StoredValue) -> Sequence[str]:
        """The endpoints that routes lead messages with its address to."""
        if (routes := self._operations.routes_version) is not self._routes:
            self._routes, self._routes_number = routes, self._routes_number + 1
        routed = self._routes_number, value.sources
        if value.routed != routed:
            found = (self._operations.receivers(each, value.address) for each in value.sources)
            value.routed, value.receivers = routed, tuple(dict.fromkeys(chain(*found)))
        return value.receivers

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
        """A page is open."""
        self._users += 1
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._sampling is None:
            self._forget_all()  # a thread may have added one after the end
            self._seed()
            self._operations.hub.add(self._take)
            self._sampling = asyncio.create_task(self._sample_all())

    def release(self) -> None:
        """A page is closed."""
        self._users -= 1
        if self._users == 0:
            self._ending = asyncio.get_running_loop().call_later(KEPT, self.close)

    def close(self) -> None:
        """Stop watching, and forget everything: what values are meanwhile is not known."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._sampling is not None:
            self._sampling.cancel()
            self._sampling = None
            self._operations.hub.remove(self._take)
            self._forget_all()

    def _forget_all(self) -> None:
        self._values.clear()
        self._histories.clear()
        self._ordered, self._ordered_number = (), -1
        self.order_number += 1

    async def _sample_all(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._sample(int(time.monotonic()))

    def _sample(self, second: int) -> None:
        """Add a sample of each number that has changed."""
        has_room = len(self._histories) < MAX_HISTORIES or self._forget(second)
        for value in self.all():  # another thread may add one
            if value.changed == value.sampled:
                continue
            value.sampled = value.changed
            if (number := value.number) is None:
                continue
            if value.samples is None:
                if not has_room or len(self._histories) >= MAX_HISTORIES:
                    continue
                value.samples = Samples(HISTORY)
                self._histories.add(value.address)
            value.samples.put(second, number)

    def _forget(self, second: int) -> bool:
        """Forget histories without a change. Returns whether there are some."""
        quiet = [
            each
            for each in self._histories
            if (samples := self._values[each].samples) and second - samples.last > HISTORY
        ]
        for each in quiet:
            self._values[each].samples = None
        self._histories.difference_update(quiet)
        return bool(quiet)

    def history(self, value: StoredValue, seconds: int) -> Sequence[float | None] | None:
        """The numbers of an address in the last seconds; None if they are not known."""
        if value.samples is None:
            return None
        return value.samples.latest(int(time.monotonic()), seconds)

    def _seed(self) -> None:
        """Begin with the last values that endpoints keep for new clients."""
        for name, message in self._operations.last_values():
            self._put("out", name, message, 0.0)

    def _take(self, shown: ShownMessage) -> None:
        """Called for each message, on any thread."""
        self._put(shown.direction, shown.name, shown.message, steady_time())

    def _put(self, direction: str, name: str, message: Message, now: float) -> None:
        address, types, args, _, origin = message
        if self._scope is not None and not self._scope.sees_message(name, address):
            return
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
