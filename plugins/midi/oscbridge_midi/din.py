"""Sends at the speed of a DIN cable, without letting a flood of controllers delay notes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, NamedTuple

import oscbridge
from oscbridge_midi.message_table import MidiMessages

__all__ = ["DIN_SPEED", "MAX_EVENTS", "DinPacer", "DinQueue", "QueuedMessages"]

DIN_SPEED: Final = 3_125.0
"""Bytes per second on a DIN cable: 31,250 baud, ten bits per byte."""

MAX_EVENTS: Final = 1_024
"""Events in the queue above which no further batch is accepted: it stays in the send queue."""

MAX_AHEAD: Final = 0.001
"""Seconds that sending may be ahead of the cable: the resolution of a timer."""


class QueuedMessages(NamedTuple):
    """Messages that belong together and wait to be sent."""

    messages: MidiMessages
    key: Hashable = None
    """Later messages with the same key replace these; None if they must all be sent."""


class DinQueue:
    """Two lanes: events in order, and the latest value of each controller.

    Events have priority. The lane of values is bounded by the number of controllers in MIDI.
    """

    def __init__(self) -> None:
        self._events: deque[QueuedMessages] = deque()
        self._values: OrderedDict[Hashable, QueuedMessages] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether no further batch should be added."""
        return len(self._events) >= MAX_EVENTS

    def put(self, item: QueuedMessages) -> bool:
        """Add messages. Returns whether they replace an earlier value."""
        if item.key is None:
            self._events.append(item)
            return False
        replaced = item.key in self._values
        self._values[item.key] = item  # at the old position, so that it is not delayed forever
        return replaced

    def take(self) -> QueuedMessages | None:
        """Remove and return the next messages to be sent."""
        if self._events:
            return self._events.popleft()
        if self._values:
            return self._values.popitem(last=False)[1]
        return None

    def clear(self) -> list[MidiMessages]:
        """Remove and return everything that is queued."""
        items = [item.messages for item in (*self._events, *self._values.values())]
        self._events.clear()
        self._values.clear()
        return items


class DinPacer:
    """Writes queued messages at the speed of a DIN cable.

    If ``write`` raises :class:`oscbridge.NotConnected`, ``on_error`` is called with the error and
    all unsent messages, and the pacer ends.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[bytes]], Awaitable[None]],
        on_error: Callable[[oscbridge.NotConnected, Sequence[MidiMessages]], None],
    ) -> None:
        self._write = write
        self._on_error = on_error
        self._queue = DinQueue()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=name)

    def put(self, messages: MidiMessages, key: Hashable = None) -> bool:
        """Queue messages. Returns whether they replace an earlier value with the same key."""
        self._filled.set()
        return self._queue.put(QueuedMessages(messages, key))

    async def wait_for_room(self) -> None:
        """Wait until a batch may be queued."""
        while self._queue.is_full:
            self._room.clear()
            await self._room.wait()

    def clear(self) -> list[MidiMessages]:
        """Remove and return everything that is queued."""
        return self._queue.clear()

    async def stop(self) -> None:
        """End; queued messages remain and can be taken with :meth:`clear`."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            item = self._queue.take()
            if item is None:
                self._filled.clear()
                await self._filled.wait()
                continue
            self._room.set()
            due = max(due, clock()) + sum(map(len, item.messages)) / DIN_SPEED
            try:
                await self._write(item.messages)
            except oscbridge.NotConnected as error:
                self._on_error(error, [item.messages, *self._queue.clear()])
                return
            if (ahead := due - clock()) > MAX_AHEAD:
                await asyncio.sleep(ahead)
