"""Send queues in memory, one class per policy for a full queue."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sized
from typing import Final

from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.send_queue import QueueEvents
from oscbridge.delivery import Deliverable
from oscbridge.dispatch.dispatcher import MAX_ROUTE_CALLS

__all__ = [
    "BLOCK_TIMEOUT",
    "MAX_MUST_DELIVER",
    "SLACK",
    "BlockingQueue",
    "DropOldestQueue",
    "LatestQueue",
    "MemoryQueue",
]

BLOCK_TIMEOUT: Final = 5.0
"""Seconds for which the policy ``block`` lets a source on a thread wait for room."""

SLACK: Final = MAX_ROUTE_CALLS
"""Messages above its size that a blocking queue accepts: the rest of the packet that a source on
the event loop was routing when it was paused."""

MAX_MUST_DELIVER: Final = 4_096
"""Must-deliver messages that a full queue keeps above its size."""


class MemoryQueue(ABC):
    """A send queue in memory.

    ``drops`` counts, under the lock, and logs dropped messages by reason: ``full`` for those
    that found no room, ``replaced`` for those replaced by a later value, ``closed`` for those
    that arrived after :meth:`close`.

    ``messages`` and ``must_deliver`` hold the waiting messages, the latter first; a subclass fills
    them. The loop is woken only when the queue becomes non-empty: one wake-up per message would
    itself be an unbounded queue.
    """

    problem = ""

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        messages: Sized,
        must_deliver: Sized = (),
    ) -> None:
        self.size = size
        self.offered = 0
        self._waiting = messages
        self._waiting_first = must_deliver
        self._sampler = sampler
        self._drops = drops
        self.lock = self._lock = threading.Lock()
        self._closed = False
        self._events = QueueEvents(loop, self._is_ready, self._is_empty)

    @abstractmethod
    def _add(self, message: Deliverable) -> str:
        """Add a message, under the lock. Returns the reason if one was dropped, or ``""``."""

    @abstractmethod
    def _remove(self, count: int) -> list[Deliverable]:
        """Remove and return the oldest messages, at most ``count``, under the lock."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._waiting_first)

    def _is_ready(self) -> bool:
        return not self._is_empty()

    def _is_empty(self) -> bool:
        return not (self._waiting or self._waiting_first)

    def put(self, message: Deliverable) -> None:
        with self._lock:
            was_empty = not (self._waiting or self._waiting_first)
            self.offered += 1
            reason = "closed" if self._closed else self._add(message)
            if not self._sampler.position:
                self._sampler.start(len(self))
            if reason:
                self._drops.count(reason, 1)
        if reason:
            self._drops.log(reason, 1)
        if was_empty and not self._closed and not self._events.wake():
            self._drops.drop("closed", self.close())  # the loop is closed: no task will take it

    async def take(self, count: int) -> list[Deliverable]:
        events = self._events
        if not (self._waiting or self._waiting_first) and not events.is_interrupted:
            await events.wait()
        events.begin()
        with self._lock:
            taken = self._remove(count)
            self._sampler.removed(len(taken))
            return taken

    def interrupt(self) -> None:
        self._events.interrupt()

    async def join(self) -> None:
        await self._events.join()

    def release(self) -> None:
        """Do nothing: no source waits."""
        return

    async def opened(self) -> None:
        """Return at once: a queue in memory is open from the start."""
        return

    def close(self, pending: int = 0) -> int:
        with self._lock:
            self._closed = True
            return len(self._remove(len(self))) + pending

    async def finish(self) -> int:
        return 0


class MustDeliverBuffer:
    """The messages that a full queue keeps because the endpoint must receive them.

    ``key`` returns None for a message that may be dropped. Of those with one key only the last
    is kept.
    """

    def __init__(self, key: Callable[[Deliverable], Hashable]) -> None:
        self.messages: OrderedDict[Hashable, Deliverable] = OrderedDict()
        """By their keys, oldest first."""
        self._key = key

    def keep(self, message: Deliverable) -> bool:
        """Keep a message if it must be delivered. Returns False if a message was dropped."""
        kept = self.messages
        try:
            key = self._key(message)
            is_known = key in kept
        except BaseException:  # raised by a plugin; the source of the message must not fail
            return False
        if key is None or (not is_known and len(kept) >= MAX_MUST_DELIVER):
            return False
        kept[key] = message
        kept.move_to_end(key)
        return not is_known

    def remove(self, count: int) -> list[Deliverable]:
        """Remove and return the oldest messages, at most ``count``."""
        kept = self.messages
        return [kept.popitem(last=False)[1] for _ in range(min(count, len(kept)))]


def _no_key(_message: Deliverable) -> None:
    """Return the key of a message that may be dropped."""


class DropOldestQueue(MemoryQueue):
    """``drop_oldest``: in order of arrival; a full queue drops its oldest message."""

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        must_deliver_key: Callable[[Deliverable], Hashable] = _no_key,
    ) -> None:
        self._messages: deque[Deliverable] = deque()
        self._must_deliver = MustDeliverBuffer(must_deliver_key)
        waiting = self._messages, self._must_deliver.messages
        super().__init__(size, loop, drops, sampler, *waiting)

    def _add(self, message: Deliverable) -> str:
        self._messages.append(message)
        if len(self._messages) <= self.size or self._must_deliver.keep(self._messages.popleft()):
            return ""
        self._sampler.dropped()
        return "full"

    def _remove(self, count: int) -> list[Deliverable]:
        first = self._must_deliver.remove(count) if self._must_deliver.messages else []
        taken = _pop(self._messages, count - len(first))
        return first + taken if first else taken


class LatestQueue(MemoryQueue):
    """``latest``: the last message of each key, in the order of their first arrival.

    The key is the address unless ``coalesce_key`` is given. Messages whose key is None are
    never replaced.
    """

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        must_deliver_key: Callable[[Deliverable], Hashable] = _no_key,
        coalesce_key: Callable[[Deliverable], Hashable] = lambda message: message.address,
    ) -> None:
        self._messages: OrderedDict[object, Deliverable] = OrderedDict()
        self._must_deliver = MustDeliverBuffer(must_deliver_key)
        self._key = coalesce_key
        waiting = self._messages, self._must_deliver.messages
        super().__init__(size, loop, drops, sampler, *waiting)

    def _add(self, message: Deliverable) -> str:
        messages = self._messages
        try:
            key = self._key(message)
            hash(key)
        except BaseException:  # raised by a plugin; the source of the message must not fail
            key = message.address
        if key is None:
            key = object()
        is_replaced = key in messages
        messages[key] = message
        if is_replaced:
            return "replaced"
        if len(messages) <= self.size or self._must_deliver.keep(messages.popitem(last=False)[1]):
            return ""
        self._sampler.dropped()
        return "full"

    def _remove(self, count: int) -> list[Deliverable]:
        first = self._must_deliver.remove(count) if self._must_deliver.messages else []
        count -= len(first)
        messages = self._messages
        if count < len(messages):
            return first + [messages.popitem(last=False)[1] for _ in range(count)]
        first += messages.values()
        messages.clear()
        return first


class BlockingQueue(MemoryQueue):
    """``block``: sources wait while the queue is full.

    A source on a thread waits in :meth:`put`. One on the event loop is paused by
    ``backpressure``, as the loop must not wait. A message that still finds no room is dropped.
    """

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        backpressure: Backpressure,
    ) -> None:
        self._messages: deque[Deliverable] = deque()
        super().__init__(size, loop, drops, sampler, self._messages)
        self._loop = loop
        self._backpressure = backpressure
        self._room = threading.Condition(self._lock)
        self._released = False

    def put(self, message: Deliverable) -> None:
        on_loop = self._events.is_on_loop()
        if not on_loop:
            with self._room:
                self._room.wait_for(self._has_room, BLOCK_TIMEOUT)
        super().put(message)
        if on_loop and self._backpressure.is_requested:
            self._backpressure.apply()  # at once: the next message must find its source paused

    def _has_room(self) -> bool:
        return self._closed or self._released or len(self._messages) < self.size

    def _add(self, message: Deliverable) -> str:
        if len(self._messages) >= self.size + SLACK:
            return "full"
        self._messages.append(message)
        if len(self._messages) >= self.size and not self._backpressure.is_requested:
            self._backpressure.request(True, self._loop)
        return ""

    def _remove(self, count: int) -> list[Deliverable]:
        taken = _pop(self._messages, count)
        if len(self._messages) < self.size:
            self._room.notify_all()
        if self._backpressure.is_requested and len(self._messages) <= self.size // 2:
            self._backpressure.request(False, self._loop)
        return taken

    def release(self) -> None:
        with self._room:
            self._released = True
            self._room.notify_all()


def _pop(messages: deque[Deliverable], count: int) -> list[Deliverable]:
    """Remove and return the oldest messages, at most ``count``."""
    if count < len(messages):
        return [messages.popleft() for _ in range(count)]
    taken = list(messages)
    messages.clear()
    return taken
