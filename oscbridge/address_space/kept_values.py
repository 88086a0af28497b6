"""The last value of each address that somebody wants to know."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from oscbridge.osc import Argument, Message

__all__ = ["KeptValue", "KeptValues", "ValueDirection"]

MAX_VALUES: Final = 20_000
"""Addresses whose last value is kept."""

MAX_SIZE: Final = 65_536
"""Characters and bytes of one value."""

MAX_ARGUMENTS: Final = 1_024
"""Arguments of one value, those in arrays included."""

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
        if (len(args) > MAX_ARGUMENTS or not _LARGE.isdisjoint(types)) and _is_large(args):
            self.skipped += 1
            return
        value = KeptValue(types, args, time.monotonic(), direction, part)
        with self._lock:
            values = self._values
            values[address] = value
            values.move_to_end(address)
            if len(values) > self._max_values:
                values.popitem(last=False)
                self.forgotten += 1


def _is_large(args: Sequence[Argument]) -> bool:
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
            return True
    return False
