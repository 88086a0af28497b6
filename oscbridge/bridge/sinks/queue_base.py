"""What all send queues have in common: the way in, and waiting for messages and for the last."""

from __future__ import annotations

import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence, Sized
from typing import Generic, Protocol

from typing_extensions import TypeVar

from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.send_queue import QueueEvents
from oscbridge.contract.delivery import Deliverable

__all__ = ["EntryT", "QueueBase"]


class HasAddress(Protocol):
    """An entry of a queue."""

    @property
    def address(self) -> str:
        """The address of its message."""


EntryT = TypeVar("EntryT", bound=HasAddress, default=Deliverable)
"""What a queue holds: a message, or one with the time at which it entered."""


class QueueBase(ABC, Generic[EntryT]):
    """Counts the messages that enter, and those that it drops, under the lock.

    ``messages`` and ``must_deliver`` are filled by a subclass. The queue is woken only when both
    were empty: one wake-up per message would itself be an unbounded queue. Messages that arrive
    after it was closed are dropped as ``closed``.
    """

    def __init__(
        self,
        size: int,
        lock: threading.Lock,
        events: QueueEvents,
        drops: DropCounter,
        sampler: LatencySampler,
        messages: Sized,
        must_deliver: Sized = (),
    ) -> None:
        self.size = size
        self._plenty = sys.maxsize
        """The number of waiting messages that wakes it again."""
        self._quick = size
        """The number below which one more needs no attention."""
        self.offered = 0
        self.lock = self._lock = lock
        self._closed = False
        self._events = events
        self._drops = drops
        self._sampler = sampler
        self._waiting = messages
        self._waiting_first = must_deliver

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of waiting messages."""

    @abstractmethod
    def _add(self, message: EntryT) -> str:
        """Add a message, under the lock. Returns the reason if one was dropped, or ``""``."""

    @abstractmethod
    def _wake(self) -> None:
        """Called without the lock after a message was added to the empty queue."""

    def wake_at(self, count: int) -> None:
        """Wake it at this number of waiting messages as well: until then they may be left."""
        self._plenty = self._quick = min(count, self.size)

    @property
    def has_plenty(self) -> bool:
        """Whether so many messages wait that they must not be left."""
        return len(self._waiting) >= self._plenty

    def unsafe_of(self, pending: int) -> int:
        return pending + len(self)

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        return [""] * len(messages)

    def put(self, message: EntryT) -> None:
        with self._lock:
            wakes = not (self._waiting or self._waiting_first) or len(self._waiting) == self._plenty
            self.offered += 1
            reason = "closed" if self._closed else self._add(message)
            if not self._sampler.position:
                self._sampler.start(len(self))
            if reason:
                self._drops.count(reason, 1)
        if reason:
            self._drops.log(reason, 1)
        if wakes and not self._closed:
            self._wake()

    def interrupt(self) -> None:
        self._events.interrupt()

    async def join(self) -> None:
        self.hurry()
        await self._events.join()

    def hurry(self) -> None:
        """Do nothing: no message waits for its endpoint."""
        return

    def release(self) -> None:
        """Do nothing: no source waits."""
        return
