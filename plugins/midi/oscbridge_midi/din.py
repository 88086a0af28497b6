"""No faster than a DIN cable, and no note behind a fader's flood. Pure: knows no clock."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final, NamedTuple

from oscbridge_midi.message_table import MidiMessages

__all__ = ["DIN_SPEED", "MAX_EVENTS", "DinQueue", "QueuedMessages"]

DIN_SPEED: Final = 3_125.0
"""Bytes a second over a DIN cable: 31,250 baud, ten bits a byte."""

MAX_EVENTS: Final = 1_024
"""Notes and other events that wait for the cable; beyond it the outbox keeps the rest, but for
what is taken from it at once."""


class QueuedMessages(NamedTuple):
    """Messages that belong together, on their way out."""

    parts: MidiMessages
    key: Hashable = None
    """What a later one must have in common to take its place; None if none may."""


class DinQueue:
    """Two lanes: events in order, and the latest value of each controller.

    Events go first. There are no more controllers than MIDI has, so that lane is bounded.
    """

    def __init__(self) -> None:
        self._events: deque[QueuedMessages] = deque()
        self._values: OrderedDict[Hashable, QueuedMessages] = OrderedDict()

    def __len__(self) -> int:
        return len(self._events) + len(self._values)

    @property
    def is_full(self) -> bool:
        """Whether no event should be added."""
        return len(self._events) >= MAX_EVENTS

    def put(self, item: QueuedMessages) -> bool:
        """Add messages. Whether others made room for them: the value before."""
        if item.key is None:
            self._events.append(item)
            return False
        replaced = item.key in self._values
        self._values[item.key] = item  # where the old one waited: or it might wait for ever
        return replaced

    def take(self) -> QueuedMessages | None:
        """The next to be sent."""
        if self._events:
            return self._events.popleft()
        if self._values:
            return self._values.popitem(last=False)[1]
        return None

    def clear(self) -> list[QueuedMessages]:
        """Throw away what waits, and say what that was."""
        items = [*self._events, *self._values.values()]
        self._events.clear()
        self._values.clear()
        return items
