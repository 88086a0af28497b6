"""A send queue in memory whose messages expire: ``max_age``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.memory_queue import MemoryQueue
from oscbridge.contract.delivery import Deliverable

__all__ = ["AgedMessage", "ExpiringQueue"]


class AgedMessage(NamedTuple):
    """A message, and when it entered the queue."""

    message: Deliverable
    entered_at: float

    @property
    def address(self) -> str:
        """The address of the message."""
        return self.message.address


class ExpiringQueue:
    """Puts a maximum age on the messages of another queue, whose policy it keeps.

    Messages that waited for more than ``max_age`` seconds of ``clock`` are dropped as ``expired``,
    except those with a ``must_deliver_key``. A queue without a maximum age has no wrapper, and
    so no cost.
    """

    def __init__(
        self,
        queue: MemoryQueue[AgedMessage],
        max_age: float,
        drops: DropCounter,
        sampler: LatencySampler,
        must_deliver_key: Callable[[Deliverable], Hashable],
        clock: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._max_age = max_age
        self._drops = drops
        self._sampler = sampler
        self._must_deliver_key = must_deliver_key
        self._clock = clock
        self._taken: dict[int, AgedMessage] = {}
        """The messages taken last, by their identity."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def problem(self) -> str:
        return self._queue.problem

    @property
    def offered(self) -> int:
        return self._queue.offered

    @property
    def lock(self) -> threading.Lock:
        return self._queue.lock

    def unsafe_of(self, pending: int) -> int:
        return self._queue.unsafe_of(pending)

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        return self._queue.record_ids(messages)

    def put(self, message: Deliverable) -> None:
        self._queue.put(AgedMessage(message, self._clock()))

    async def take(self, count: int) -> list[Deliverable]:
        while taken := await self._queue.take(count):
            limit = self._limit()
            kept = [each for each in taken if not self._is_expired(each, limit)]
            if len(kept) < len(taken):
                self._sampler.entered_at = 0.0  # the sample may be one of them
                self._drops.drop("expired", len(taken) - len(kept))
            if kept:
                self._taken = {id(each.message): each for each in kept}
                return [each.message for each in kept]
        return []

    def expire(self) -> None:
        limit = self._limit()
        self._queue.discard(lambda each: self._is_expired(each, limit))

    def expired(self, messages: Sequence[Deliverable]) -> Sequence[int]:
        limit = self._limit()
        return [
            index
            for index, message in enumerate(messages)
            if (found := self._taken.get(id(message))) is not None
            and self._is_expired(found, limit)
        ]

    def _limit(self) -> float:
        """The time before which a message must have entered to be expired."""
        return self._clock() - self._max_age

    def _is_expired(self, message: AgedMessage, limit: float) -> bool:
        if message.entered_at >= limit:
            return False
        try:
            return self._must_deliver_key(message.message) is None
        except BaseException:  # raised by a plugin
            return True

    def clear(self, reason: str) -> None:
        self._queue.clear(reason)

    def interrupt(self) -> None:
        self._queue.interrupt()

    def hurry(self) -> None:
        self._queue.hurry()

    async def join(self) -> None:
        await self._queue.join()

    def release(self) -> None:
        self._queue.release()

    async def opened(self) -> None:
        await self._queue.opened()

    def close(self, pending: int = 0) -> int:
        return self._queue.close(pending)

    async def finish(self) -> int:
        return await self._queue.finish()
