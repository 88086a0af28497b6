"""The last value of each address that somebody wants to know."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from oscbridge.address_space.limits import MAX_ADDRESS
from oscbridge.osc import Argument, Message

__all__ = ["KeptValue", "KeptValues", "ValueDirection"]

MAX_VALUES: Final = 20_000
"""Addresses whose last value is kept."""

MAX_SIZE: Final = 65_536
"""Characters and bytes of one value."""

MAX_ARGUMENTS: Final = 1_024
"""Arguments of one value, those in arrays included."""

MAX_TOTAL: Final = 32 << 20
"""Bytes of all values that are not small, roughly; those updated longest ago are forgotten."""

SMALL: Final = 256
"""Bytes of a small value, roughly."""

ARGUMENT: Final = 32
"""Bytes of an argument, roughly, without those of a text."""

_LARGE: Final = frozenset("sSb[")
"""Type tags of values that may be large."""

ValueDirection: TypeAlias = Literal["in", "out"]


class KeptValue(NamedTuple):
    """The last message of an address."""

    types: str
    args: tuple[Argument, ...]
    time: float
    """Seconds of ``time.monotonic()`` at which it passed."""
    direction: ValueDirection
    """Whether the bridge has received or delivered it."""
    part: str
    """The bridge or the endpoint that it was received from or delivered to."""


class KeptValues:
    """Last values by address: at most 20,000, of which the one updated longest ago is forgotten.

    Thread-safe.
    """

    def __init__(self, max_values: int = MAX_VALUES) -> None:
        self.forgotten = 0
        """Addresses that were forgotten, as there are too many."""
        self.skipped = 0
        """Messages whose values are too large to keep."""
        self.on_close: Callable[[], None] | None = None
        """Ends the calls of :meth:`take`."""
        self._max_values = max_values
        self._lock = threading.Lock()
        self._values: OrderedDict[str, KeptValue] = OrderedDict()
        self._sizes: dict[str, int] = {}
        """The sizes of values that are not small."""
        self._total = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, address: str) -> KeptValue | None:
        """The last value of an address; None if none has passed."""
        return self._values.get(address)

    def snapshot(self) -> dict[str, KeptValue]:
        """All values, the one updated longest ago first."""
        with self._lock:
            return dict(self._values)

    def close(self) -> None:
        """Keep no more values."""
        if self.on_close is not None:
            self.on_close()
            self.on_close = None

    def take(self, direction: ValueDirection, part: str, message: Message) -> None:
        """Keep the values of a message that passes."""
        address, types, args, _, _ = message
        types = types or ""
        size = len(args) * ARGUMENT
        if len(args) > MAX_ARGUMENTS or not _LARGE.isdisjoint(types):
            size = _size_of(args)
        if size < 0 or len(address) > MAX_ADDRESS:
            self.skipped += 1
            return
        value = KeptValue(types, args, time.monotonic(), direction, part)
        with self._lock:
            values = self._values
            values[address] = value
            values.move_to_end(address)
            if size > SMALL or address in self._sizes:
                self._resize(address, size)
            while len(values) > self._max_values or self._total > MAX_TOTAL:
                oldest, _ = values.popitem(last=False)
                self._resize(oldest, 0)
                self.forgotten += 1

    def _resize(self, address: str, size: int) -> None:
        """Note the size of a value. With the lock held."""
        self._total -= self._sizes.pop(address, 0)
        if size > SMALL:
            self._sizes[address] = size
            self._total += size


def _size_of(args: Sequence[Argument]) -> int:
    """The bytes of values, roughly; -1 if they are too many or too large to keep."""
    size = count = 0
    waiting: list[Argument] = list(args[: MAX_ARGUMENTS + 1])
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, list):
            waiting += value[: MAX_ARGUMENTS + 1]
        elif isinstance(value, str | bytes):
            size += len(value)
        if count > MAX_ARGUMENTS or size > MAX_SIZE:
            return -1
    return size + count * ARGUMENT
