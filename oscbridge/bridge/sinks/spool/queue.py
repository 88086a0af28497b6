"""The policy ``spool``: messages wait on disk until the endpoint has accepted them.

A thread writes the messages that arrived since its last write, all in one transaction. Once that
transaction is on the disk they are safe: they are delivered, in order and at least once, whatever
process is killed. The endpoint gets a message only after that. Until then, which takes as long as
the disk does, it is in memory alone.

Clients that can wait, those of TCP bridges, are read no faster than the disk writes. For others the
room for new messages is bounded, and the oldest are dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.queue_base import QueueBase
from oscbridge.bridge.sinks.send_queue import QueueEvents
from oscbridge.bridge.sinks.spool.index import SpoolIndex
from oscbridge.bridge.sinks.spool.thread import SpoolThread
from oscbridge.bridge.sinks.spool.writer import SpoolWriter
from oscbridge.contract.delivery import Deliverable

__all__ = ["MAX_PAUSE", "SpoolQueue"]

MAX_PAUSE: Final = 5.0
"""Seconds for which sources wait for a disk that writes nothing. Then messages are dropped, as they
may lead to other endpoints too."""


class SpoolQueue(QueueBase[Deliverable]):
    """A send queue on disk.

    The size of the ``index`` bounds the messages that wait to be written, and those in memory
    because they are not durable or the disk cannot be used; the ``writer`` knows the bounds of
    the file.
    """

    def __init__(
        self,
        index: SpoolIndex,
        loop: asyncio.AbstractEventLoop,
        drops: DropCounter,
        sampler: LatencySampler,
        writer: SpoolWriter,
        backpressure: Backpressure,
    ) -> None:
        self._loop = loop
        self._backpressure = backpressure
        self._pauses_at = index.size // 2 + 1
        self._paused_at = time.monotonic()
        self._writer = writer
        self._max_age = writer.bounds.age
        self._taken_at = 0.0
        self._index = index
        events = QueueEvents(loop, lambda: index.is_ready, lambda: not len(index))
        self._thread = SpoolThread(loop, index, writer, self)
        super().__init__(index.size, self._thread.lock, events, drops, sampler, index.fresh)
        self._thread.start()

    # --- for sources and the sender ----------------------------------------------------------

    def __len__(self) -> int:
        return len(self._index)

    @property
    def problem(self) -> str:
        """Why new messages are not written to disk."""
        return self._writer.problem

    @property
    def unsafe(self) -> int:
        """Messages in memory alone: not written yet, not durable, or not writable."""
        return self._index.unsafe

    def unsafe_of(self, pending: int) -> int:
        with self._thread.lock:
            return self._index.unsafe

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        store = self._writer.store
        identity = "" if store is None else store.identity
        if not identity:
            return super().record_ids(messages)
        with self._thread.lock:
            numbers = self._index.numbers_of_taken()
        found = [numbers.get(id(message)) for message in messages]
        return ["" if number is None else f"{identity}-{number}" for number in found]

    @property
    def unwritten(self) -> int:
        """Messages that the thread has not processed yet."""
        return self._index.unwritten

    @property
    def in_memory(self) -> int:
        """Messages on disk that are in memory as well."""
        return self._index.in_memory

    def put(self, message: Deliverable) -> None:
        super().put(message)
        if self._backpressure.is_requested and self._events.is_on_loop():
            self._backpressure.apply()  # at once: the next message must find its source paused

    def _add(self, message: Deliverable) -> str:
        fresh = self._index.fresh
        if not fresh or len(fresh) == self._thread.many:
            self._thread.changed.notify()
        fresh.append(message)
        if len(fresh) == self._pauses_at:
            self._paused_at = time.monotonic()
            self._backpressure.request(True, self._loop)
        if len(fresh) <= self.size:
            return ""
        fresh.popleft()
        self._sampler.dropped()
        return "full"

    def _wake(self) -> None:
        """Do nothing: the thread wakes the task once the message is on disk."""

    async def take(self, count: int) -> list[Deliverable]:
        index, events, thread = self._index, self._events, self._thread
        with thread.lock:
            index.settle()
            thread.changed.notify()
        if not index.is_ready and not events.is_interrupted:
            await events.wait()
        events.begin()
        with thread.lock:
            taken = index.take(count)
            self._taken_at = time.monotonic()
            self._sampler.removed(len(taken))
            return taken

    def clear(self, reason: str) -> None:
        """Do nothing: messages on disk wait."""

    def expire(self) -> None:
        """Let sources continue if the disk hangs; the thread drops expired messages."""
        with self._lock:
            if time.monotonic() - self._paused_at > MAX_PAUSE:
                self.has_room()

    def expired(self, messages: Sequence[Deliverable]) -> Sequence[int]:
        """Return the messages that may be dropped if they were taken too long ago."""
        if time.monotonic() - self._taken_at <= self._max_age:
            return ()
        may_drop = self._index.may_drop
        return [index for index, message in enumerate(messages) if may_drop(message)]

    async def opened(self) -> None:
        await self._thread.opened()

    def close(self, pending: int = 0) -> int:
        with self._lock:
            self._closed = True
            self.has_room()
        return self._thread.close(pending)

    async def finish(self) -> int:
        return await self._thread.finish()

    # --- for the thread ----------------------------------------------------------------------

    def has_room(self) -> None:
        if self._backpressure.is_requested:
            self._backpressure.request(False, self._loop)

    def found(self, count: int) -> None:
        self.offered += count
        self._sampler.preceded(count)

    def removed(self, reason: str, count: int) -> None:
        self._sampler.dropped(count)
        if count:
            self._drops.count(reason, count)

    def dropped(self, reason: str, count: int) -> None:
        self._drops.log(reason, count)

    def changed(self) -> None:
        self._events.wake()
