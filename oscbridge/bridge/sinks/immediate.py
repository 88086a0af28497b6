"""Delivery in the turn of the loop that routes the messages, while the sender's task waits."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Final

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.begun_send import FailedSend, begin_send
from oscbridge.bridge.sinks.connection import EndpointConnection
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.memory_queue import MemoryQueue
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.settling import Settling
from oscbridge.bridge.sinks.unsettled import UnsettledBatch
from oscbridge.contract.abilities import Paced
from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.dispatch.turn import Turn
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["ImmediateSending"]

MAX_BATCH: Final = 1_024
"""Largest number of messages passed to ``send_batch``."""

MAX_PATIENCE: Final = 0.05
"""Seconds that messages may wait in the queue for a :class:`Paced` endpoint."""

TURN: Final = 64
"""Messages after which other tasks run on the event loop."""


class ImmediateSending(Settling):
    """Delivers outside its task what the endpoint accepts without waiting.

    Whatever it does not accept at once, the task continues.
    """

    def __init__(
        self,
        endpoint: AnyEndpoint,
        connection: EndpointConnection,
        reporter: RateLimitedLog,
        count: Callable[[str, int], None],
        sampler: LatencySampler,
        *,
        one_by_one: bool,
        joins_bundles: bool = False,
        max_addresses: int = MAX_ADDRESSES,
        on_poison: Callable[[Deliverable, str], None] | None = None,
    ) -> None:
        super().__init__(endpoint, connection, reporter, count, max_addresses, on_poison)
        self.offered = 0
        """Messages of :meth:`deliver_alone`, which were never in the queue."""
        self._sampler = sampler
        self._joins_bundles = joins_bundles
        # An endpoint without batches takes few at once, so that those in the queue can still be
        # replaced or dropped.
        self._at_once = MAX_BATCH if self._by_batch else 1 if one_by_one else TURN
        self._task: asyncio.Task[None] | None = None
        self._context = copy_context()
        self._is_idle = False
        """Whether the task waits for messages."""
        self._begun: Awaitable[None] | None = None
        """The send of the first unsettled messages, if it has begun outside the task."""
        self._turn = Turn()
        self._queue: MemoryQueue[Deliverable] | None = None
        self._thread = 0
        self._paced = endpoint if isinstance(endpoint, Paced) and self._by_batch else None
        self._timer: asyncio.TimerHandle | None = None
        self._hurried = 0.0
        """When the endpoint was to send next as too many messages waited for that."""

    def deliver_in(self, turn: Turn, queue: SendQueue) -> None:
        """Deliver messages in the turn of the loop in which they are routed, where possible."""
        if isinstance(queue, MemoryQueue):
            self._turn, self._queue, self._thread = turn, queue, threading.get_ident()
            queue.defer = partial(turn.defer, partial(self._deliver_waiting, queue))
            if self._paced is not None:
                queue.wake_at(min(max(queue.size // 2, 1), MAX_BATCH))

    def deliver_alone(self, message: Deliverable) -> bool:
        """Deliver the only message of a turn without the queue, if nothing waits there.

        From any thread; never raises. Returns False if the message must be queued.
        """
        queue = self._queue
        if (
            not self._is_idle
            or queue is None
            or threading.get_ident() != self._thread
            or len(queue)
            or not self._connection.is_open
            or self._ended
            or (self._joins_bundles and message.timetag is not None)
        ):
            return False
        if self._paced is not None and self._next_send():
            return False
        began = time.monotonic()
        messages, task, endpoint, turn = [message], self._task, self._endpoint, self._turn
        assert task is not None
        self.offered += 1
        turn.is_open = turn.has_one = self._is_idle = False
        try:
            sending = endpoint.send_batch(messages) if self._by_batch else endpoint.send(message)
            begun = begin_send(sending, task, self._context)
        except BaseException as error:
            begun = FailedSend(error)
        turn.is_open = turn.has_one = True
        if begun is None:
            self._is_idle, self._tries = True, 0
            self._delivered(messages)
            self._sampler.latency.observe(time.monotonic() - began)
        else:
            self._begun, self._batch = begun, UnsettledBatch(messages)
            queue.hand_over()
        return True

    def _deliver_waiting(self, queue: MemoryQueue[Deliverable]) -> None:
        """Deliver a batch from the queue, if the task waits for one; never raises.

        To be called by a callback of the loop.
        """
        if not self._is_idle or self._ended or not self._connection.is_open:
            queue.wake()
            return
        if self._paced is None or not self._leave(queue):
            self._take_and_deliver(queue)

    def _next_send(self) -> float:
        """When the endpoint sends next, if messages may wait for it in the queue; otherwise 0."""
        assert self._paced is not None and self._task is not None
        try:
            due = self._paced.next_send
            if not due:  # most of the time
                return 0.0
            now = self._task.get_loop().time()
            return due if now < due <= now + MAX_PATIENCE and due != self._hurried else 0.0
        except BaseException as error:  # the call waits for nothing: the endpoint raised it
            text = f"next_send failed: {failure_text(error)}"
            self._reporter.report("next_send", text, level=logging.ERROR, error=error)
            return 0.0

    @property
    def patience(self) -> float:
        """Seconds until the endpoint sends, if messages may wait for that."""
        if self._queue is None or self._paced is None or self._task is None:
            return 0.0
        due = 0.0 if self._queue.has_plenty else self._next_send()
        return max(due - self._task.get_loop().time(), 0.0)

    def _leave(self, queue: MemoryQueue[Deliverable]) -> bool:
        """Leave the messages in the queue until the endpoint sends. Returns whether they may wait.

        If they are too many, all others until then are delivered as they come.
        """
        due = self._next_send()
        if due and queue.has_plenty:
            self._hurried = due
            return False
        if due and self._timer is None:
            assert self._task is not None
            self._turn.waiting += 1
            self._timer = self._task.get_loop().call_at(due, self._send_due, queue)
        return due > 0

    def _send_due(self, queue: MemoryQueue[Deliverable]) -> None:
        self._timer = None
        self._turn.waiting -= 1
        if self._is_idle and not self._ended and self._connection.is_open:
            self._take_and_deliver(queue)
        else:
            queue.wake()

    def _take_and_deliver(self, queue: MemoryQueue[Deliverable]) -> None:
        messages = queue.take_now(self._at_once)
        if messages and self._deliver(messages, queue):
            if self._sampler.entered_at:
                self._sampler.delivered()
            if len(queue):
                queue.wake()

    def _deliver(self, messages: Sequence[Deliverable], queue: MemoryQueue[Deliverable]) -> bool:
        """Deliver messages at once. Returns False if the task continues."""
        self._is_idle = False
        batch = self._batch = UnsettledBatch(messages)
        try:
            if not self._joins_bundles or messages[-1].timetag is None:
                self._begin(messages)
        except BaseException as error:
            self._begun = FailedSend(error)
        if batch.pending:
            queue.hand_over()
            return False
        self._begun, self._is_idle = None, True
        return True

    def _begin(self, messages: Sequence[Deliverable]) -> None:
        """Send messages, as far as the endpoint does not wait."""
        task, context, endpoint = self._task, self._context, self._endpoint
        assert task is not None
        if self._by_batch:
            self._begun = begin_send(endpoint.send_batch(messages), task, context)
            if self._begun is None:
                self._accept_all()
            return
        for message in messages:
            self._begun = begin_send(endpoint.send(message), task, context)
            if self._begun is not None:
                return
            self._settled(self._batch.accept(1))
