"""The base of the send queues in memory."""

from __future__ import annotations

import asyncio
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence, Sized

from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.queue_base import EntryT, QueueBase
from oscbridge.bridge.sinks.send_queue import QueueEvents

__all__ = ["MemoryQueue"]


class MemoryQueue(QueueBase[EntryT]):
    """A send queue in memory.

    ``drops`` counts, under the lock, and logs dropped messages by reason: ``full`` for those
    that found no room, ``replaced`` for those replaced by a later value, ``closed`` for those
    that arrived after :meth:`close`.

    ``messages`` and ``must_deliver`` hold the waiting messages, the latter first; a subclass fills
    them.
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
        self.defer: Callable[[], bool] | None = None
        """Asked on the event loop before the task is woken: whether something else will do that,
        or deliver the messages."""
        self._is_handed_over = False
        events = QueueEvents(loop, self._is_ready, self._is_empty)
        super().__init__(size, threading.Lock(), events, drops, sampler, messages, must_deliver)

    @abstractmethod
    def _remove(self, count: int) -> list[EntryT]:
        """Remove and return the oldest messages, at most ``count``, under the lock."""

    @abstractmethod
    def _discard(self, is_expired: Callable[[EntryT], bool]) -> int:
        """Discard expired messages, under the lock. Returns how many."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._waiting_first)

    def _is_ready(self) -> bool:
        return not self._is_empty()

    def _is_empty(self) -> bool:
        return not (self._waiting or self._waiting_first)

    def _wake(self) -> None:
        if self.defer is not None and self._events.is_on_loop() and self.defer():
            return
        if not self._events.wake():
            self._drops.drop("closed", self.close())  # the loop is closed: no task will take it

    async def take(self, count: int) -> list[EntryT]:
        events = self._events
        if not (self._waiting or self._waiting_first) and not events.is_interrupted:
            await events.wait()
        events.begin()
        if self._is_handed_over:
            self._is_handed_over = False
            return []
        return self.take_now(count)

    def take_now(self, count: int) -> list[EntryT]:
        """Remove up to ``count`` messages, while the task waits in :meth:`take`.

        Settle them in the same turn of the loop, or :meth:`hand_over` to the task.
        """
        with self._lock:
            taken = self._remove(count)
            self._sampler.removed(len(taken))
            return taken

    def hand_over(self) -> None:
        """Make :meth:`take` return nothing: its task settles the messages of :meth:`take_now`."""
        self._is_handed_over = True
        self._events.begin()
        self._events.interrupt()

    def wake(self) -> None:
        """Wake the task that waits in :meth:`take`. On the event loop."""
        self._events.wake()

    def hurry(self) -> None:
        self._events.wake()

    def discard(self, is_expired: Callable[[EntryT], bool]) -> None:
        """Drop the messages that have expired. On the event loop."""
        with self._lock:
            count = self._discard(is_expired)
            if count:
                self._sampler.dropped(count)
                self._drops.count("expired", count)
        if count:
            self._drops.log("expired", count)
            self._events.wake()  # the queue may be empty, for which a join waits

    def clear(self, reason: str) -> None:
        with self._lock:
            count = len(self._remove(len(self)))
            if count:
                self._sampler.dropped(count)
                self._drops.count(reason, count)
        if count:
            self._drops.log(reason, count)
            self._events.wake()

    def expire(self) -> None:
        """Do nothing: its messages do not expire."""

    def expired(self, messages: Sequence[EntryT]) -> Sequence[int]:
        """Return nothing: its messages do not expire."""
        return ()

    async def opened(self) -> None:
        """Return at once: a queue in memory is open from the start."""
        return

    def close(self, pending: int = 0) -> int:
        with self._lock:
            self._closed = True
            return len(self._remove(len(self))) + pending

    async def finish(self) -> int:
        return 0
