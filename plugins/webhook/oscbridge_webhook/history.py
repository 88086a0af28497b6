"""The latest events, for clients of a stream that have lost their connection."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["EventHistory", "NumberedEvent"]

MAX_HISTORY: Final = 1 << 20
"""Most bytes of the events that are kept."""


class NumberedEvent(NamedTuple):
    """An event as it is sent."""

    number: int
    address: str
    data: bytes


class EventHistory:
    """Numbers events, and keeps the latest ones."""

    def __init__(self, limit: int, start: int | None = None) -> None:
        """``limit``: of events. ``start`` is the number before the first one.

        By default it is the time in microseconds: after a restart no number comes again.
        """
        self._events: deque[NumberedEvent] = deque()
        self._limit = limit
        self._size = 0
        self._last = time.time_ns() // 1_000 if start is None else start

    def add(self, address: str, data: bytes) -> NumberedEvent:
        """Keep an event, whose data is JSON. Returns it with its number."""
        self._last += 1
        event = NumberedEvent(self._last, address, b"id: %d\ndata: %s\n\n" % (self._last, data))
        self._events.append(event)
        self._size += len(event.data)
        while len(self._events) > self._limit or self._size > MAX_HISTORY:
            self._size -= len(self._events.popleft().data)
        return event

    def clear(self) -> None:
        """Forget the events. Others, which are not added, may follow before the next one."""
        self._events.clear()
        self._size = 0
        self._last += 1

    def after(self, number: int) -> Sequence[NumberedEvent] | None:
        """The events after one with this number; None if some of them are no longer known."""
        missing = self._last - number
        if not 0 <= missing <= len(self._events):
            return None
        return list(self._events)[len(self._events) - missing :]
