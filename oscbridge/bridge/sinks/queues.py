"""Send queues in memory, one class per policy for a full queue."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.keyed_messages import KeyedMessages
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.memory_queue import MemoryQueue
from oscbridge.bridge.sinks.must_deliver import MustDeliverBuffer, no_key
from oscbridge.bridge.sinks.queue_base import EntryT
from oscbridge.dispatch.packet_reader import MAX_ROUTE_CALLS

__all__ = [
    "BLOCK_TIMEOUT",
    "SLACK",
    "BlockingQueue",
    "DropOldestQueue",
    "LatestQueue",
]

BLOCK_TIMEOUT: Final = 5.0
"""Seconds for which the policy ``block`` lets a source on a thread wait for room."""

SLACK: Final = MAX_ROUTE_CALLS
"""Messages above its size that a blocking queue accepts: the rest of the packet that a source on
the event loop was routing when it was paused."""


class DropOldestQueue(MemoryQueue[EntryT]):
    """``drop_oldest``: in order of arrival; a full queue drops its oldest message."""

    def __init__(
        self,
        size: int,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        must_deliver_key: Callable[[EntryT], Hashable] = no_key,
    ) -> None:
        self._messages: deque[EntryT] = deque()
        self._must_deliver = MustDeliverBuffer(must_deliver_key)
        waiting = self._messages, self._must_deliver.messages
        super().__init__(size, loop, drops, sampler, *waiting)

    def put(self, message: EntryT) -> None:
        messages = self._messages
        with self._lock:
            is_later = messages and self._sampler.position and not self._closed
            if is_later and len(messages) < self._quick:  # nobody needs to know
                self.offered += 1
                messages.append(message)
                return
        super().put(message)

    def _add(self, message: EntryT) -> str:
        self._messages.append(message)
        if len(self._messages) <= self.size or self._must_deliver.keep(self._messages.popleft()):
            return ""
        self._sampler.dropped()
        return "full"

    def _remove(self, count: int) -> list[EntryT]:
        if not self._must_deliver.messages:
            return _pop(self._messages, count)
        first = self._must_deliver.remove(count)
        return first + _pop(self._messages, count - len(first))

    def _discard(self, is_expired: Callable[[EntryT], bool]) -> int:
        return _discard_oldest(self._messages, is_expired)


class LatestQueue(MemoryQueue[EntryT]):
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
        must_deliver_key: Callable[[EntryT], Hashable] = no_key,
        coalesce_key: Callable[[EntryT], Hashable] = lambda message: message.address,
    ) -> None:
        self._messages: KeyedMessages[EntryT] = KeyedMessages()
        self._must_deliver = MustDeliverBuffer(must_deliver_key)
        self._key = coalesce_key
        waiting = self._messages.messages, self._must_deliver.messages
        super().__init__(size, loop, drops, sampler, *waiting)

    def _add(self, message: EntryT) -> str:
        found = self._messages
        try:
            is_replaced = found.put(self._key(message), message)
        except BaseException:  # raised by a plugin; the source of the message must not fail
            is_replaced = found.put(message.address, message)
        if is_replaced:
            return "replaced"
        if len(found.messages) <= self.size or self._must_deliver.keep(found.remove_first()):
            return ""
        self._sampler.dropped()
        return "full"

    def _remove(self, count: int) -> list[EntryT]:
        if not self._must_deliver.messages:
            return self._messages.remove(count)
        first = self._must_deliver.remove(count)
        return first + self._messages.remove(count - len(first))

    def _discard(self, is_expired: Callable[[EntryT], bool]) -> int:
        return self._messages.discard(is_expired)


class BlockingQueue(MemoryQueue[EntryT]):
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
        self._messages: deque[EntryT] = deque()
        super().__init__(size, loop, drops, sampler, self._messages)
        self._loop = loop
        self._backpressure = backpressure
        self._room = threading.Condition(self._lock)
        self._released = False

    def put(self, message: EntryT) -> None:
        on_loop = self._events.is_on_loop()
        if not on_loop:
            with self._room:
                self._room.wait_for(self._has_room, BLOCK_TIMEOUT)
        super().put(message)
        if on_loop and self._backpressure.is_requested:
            self._backpressure.apply()  # at once: the next message must find its source paused

    def _has_room(self) -> bool:
        return self._closed or self._released or len(self._messages) < self.size

    def _add(self, message: EntryT) -> str:
        if len(self._messages) >= self.size + SLACK:
            return "full"
        self._messages.append(message)
        if len(self._messages) >= self.size and not self._backpressure.is_requested:
            self._backpressure.request(True, self._loop)
        return ""

    def _remove(self, count: int) -> list[EntryT]:
        taken = _pop(self._messages, count)
        self._removed()
        return taken

    def _discard(self, is_expired: Callable[[EntryT], bool]) -> int:
        count = _discard_oldest(self._messages, is_expired)
        self._removed()
        return count

    def _removed(self) -> None:
        """Let sources continue if there is room, under the lock."""
        if len(self._messages) < self.size:
            self._room.notify_all()
        if self._backpressure.is_requested and len(self._messages) <= self.size // 2:
            self._backpressure.request(False, self._loop)

    def release(self) -> None:
        with self._room:
            self._released = True
            self._room.notify_all()


def _pop(messages: deque[EntryT], count: int) -> list[EntryT]:
    """Remove and return the oldest messages, at most ``count``."""
    if count < len(messages):
        return [messages.popleft() for _ in range(count)]
    taken = list(messages)
    messages.clear()
    return taken


def _discard_oldest(messages: deque[EntryT], is_expired: Callable[[EntryT], bool]) -> int:
    """Discard expired messages up to the first that is not. Returns how many."""
    count = 0
    while messages and is_expired(messages[0]):
        messages.popleft()
        count += 1
    return count
