"""Addresses of the messages that pass a running system: rates and last values."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from oscbridge.monitoring.traffic import ShownMessage, peer_text
from oscbridge.osc import Argument, Origin
from oscbridge.osc.text import format_value

__all__ = ["Row", "Table"]

MAX_ADDRESSES: Final = 10_000
"""Maximum number of addresses. The least recently used one is evicted."""

MAX_VALUES: Final = 8
"""Maximum number of values shown per message."""

MAX_TEXT: Final = 64
"""Maximum characters shown of a string."""

MAX_SHOWN: Final = 400
"""Maximum characters shown of all values, and of the type tags."""

_LARGE: Final = frozenset("sSb[")
"""Type tags of values that may be large."""


class Row(NamedTuple):
    """One address of a table."""

    address: str
    sources: tuple[str, ...]
    """Where messages with this address came in."""
    sinks: tuple[str, ...]
    """Where messages with this address were delivered."""
    peer: str
    """Human-readable sender of the last message; empty if unknown."""
    types: str
    values: str
    """Human-readable last values, truncated if there are many; received ones, if any."""
    rate: float
    """Messages per second since the last snapshot: received ones, or else delivered ones."""
    age: float
    """Seconds since the last of them."""
    about: str = ""
    """The facts about the address: a range and a description."""


@dataclass(slots=True)
class _Entry:
    types: str
    is_small: bool
    """Whether all messages with these type tags are small."""
    sources: dict[str, None] = field(default_factory=dict)
    sinks: dict[str, None] = field(default_factory=dict)
    args: tuple[Argument, ...] = ()
    """The last values, if they are small; otherwise ``text`` holds them."""
    text: str = ""
    origin: Origin | None = None
    time: float = 0.0
    count: int = 0
    """Messages since the last snapshot."""


class Table:
    """Rates and last values by address, for one reader of its snapshots."""

    def __init__(self, size: int = MAX_ADDRESSES) -> None:
        self.forgotten = 0
        """Addresses that were evicted."""
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """Most recently used last."""
        self._busy: dict[str, _Entry] = {}
        """Entries with messages since the last snapshot."""
        self._time = time.monotonic()

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, shown: ShownMessage) -> None:
        """Record a message. Thread-safe."""
        now = time.monotonic()
        address, types, args, _, origin = shown.message
        with self._lock:
            entry = self._entries.get(address)
            if entry is None:
                entry = self._add(address, types)
            if shown.direction == "in":
                if not entry.sources:
                    entry.count = 0
                entry.sources[shown.name] = None
            else:
                entry.sinks[shown.name] = None
                if entry.sources:
                    return
            self._entries.move_to_end(address)
            self._busy[address] = entry
            if entry.types != types:
                entry.types, entry.is_small = _short(types), _is_small(types)
            entry.count += 1
            entry.time = now
            entry.origin = origin
            if entry.is_small:
                entry.args, entry.text = args, ""
            else:  # large values are not kept
                entry.args, entry.text = (), _in_short(args)[:MAX_SHOWN]

    def _add(self, address: str, types: str | None) -> _Entry:
        entry = self._entries[address] = _Entry(_short(types), _is_small(types))
        if len(self._entries) > self._size:
            oldest, _ = self._entries.popitem(last=False)
            self._busy.pop(oldest, None)
            self.forgotten += 1
        return entry

    def rows(self, limit: int) -> list[Row]:
        """A snapshot: the ``limit`` busiest addresses and the ``limit`` latest ones."""
        now = time.monotonic()
        with self._lock:
            shown = dict(heapq.nlargest(limit, self._busy.items(), lambda each: each[1].count))
            shown |= islice(reversed(self._entries.items()), limit)
            seconds = max(now - self._time, 1e-3)
            rows = [_row(address, entry, now, seconds) for address, entry in shown.items()]
            for entry in self._busy.values():
                entry.count = 0
            self._busy.clear()
            self._time = now
        return rows


def _row(address: str, entry: _Entry, now: float, seconds: float) -> Row:
    return Row(
        address=address,
        sources=tuple(entry.sources),
        sinks=tuple(entry.sinks),
        peer=peer_text(entry.origin),
        types=entry.types,
        values=entry.text or _in_short(entry.args)[:MAX_SHOWN],
        rate=entry.count / seconds,
        age=max(now - entry.time, 0.0),
    )


def _short(types: str | None) -> str:
    return "" if types is None else types[:MAX_SHOWN]


def _is_small(types: str | None) -> bool:
    return types is not None and len(types) <= MAX_VALUES and _LARGE.isdisjoint(types)


def _in_short(args: Sequence[Argument], depth: int = 0) -> str:
    """The first values as text, in bounded time."""
    parts = []
    for value in args[:MAX_VALUES]:
        match value:
            case str() if len(value) > MAX_TEXT:
                parts.append(format_value(value[:MAX_TEXT]) + "…")
            case list():
                parts.append("[…]" if depth else f"[{_in_short(value, 1)}]")
            case _:
                parts.append(format_value(value))
    if len(args) > MAX_VALUES:
        parts.append(f"… ({len(args)} values)")
    return " ".join(parts)
