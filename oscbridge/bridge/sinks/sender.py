"""From the send queue to the endpoint: every message is delivered, or counted as lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Final

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.begun_send import BegunSend, FailedSend, begin_send
from oscbridge.bridge.sinks.connection import EndpointConnection, is_ending
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.memory_queue import MemoryQueue
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.settling import Settling
from oscbridge.bridge.sinks.unsettled import Loss, UnsettledBatch
from oscbridge.delivery import Deliverable
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.dispatch.turn import Turn
from oscbridge.endpoint import AnyEndpoint
from oscbridge.errors import (
    BackOff,
    BadMessage,
    EndpointError,
    NotConnected,
    PartialDelivery,
)
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["Sender"]

MAX_TRIES: Final = 5
"""Consecutive connections that may break while sending one message before it is dropped."""

MAX_BATCH: Final = 1_024
"""Largest number of messages passed to ``send_batch``."""

MAX_JOINED: Final = 4 * MAX_BATCH
"""Largest number of messages of a batch that is not to end within a bundle."""

BUNDLE_TIMEOUT: Final = 0.1
"""Seconds to wait for the messages of a bundle that other threads or processes still route."""

BUNDLE_POLL: Final = 0.001
"""Seconds between looks for them."""

TURN: Final = 64
"""Messages after which other tasks run on the event loop."""


class Sender(Settling):
    """Passes messages to an endpoint while it is connected, and reconnects it.

    With ``joins_bundles`` no batch ends within a forwarded bundle; not for a spool, where taking
    more settles those before.
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
        self._sampler = sampler
        self._joins_bundles = joins_bundles
        self._sending: asyncio.Timeout | None = None
        # An endpoint without batches takes few at once, so that those in the queue can still be
        # replaced or dropped.
        self._at_once = MAX_BATCH if self._by_batch else 1 if one_by_one else TURN
        self._task: asyncio.Task[None] | None = None
        self._context = copy_context()
        self._is_idle = False
        """Whether the task waits for messages."""
        self._begun: Awaitable[None] | None = None
        """The send of the first unsettled messages, if it has begun outside the task."""

    def interrupt(self) -> None:
        """Abort the send in progress after the connection was lost; it is repeated."""
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    @property
    def attempt(self) -> object:
        """The send in progress; None without one. Each has an object of its own."""
        return self._sending

    def lose_batch(self, error: BaseException) -> None:
        """Give up the messages that an endpoint had when it ended the delivery."""
        self._begun = None
        if self._batch.pending:
            self._lose("error", len(self._batch.unsettled), error)

    def start(self, queue: SendQueue | None, name: str) -> asyncio.Task[None]:
        """Run :meth:`run` in a task with this name."""
        self._context = context = copy_context()
        self._task = asyncio.create_task(self.run(queue), name=name, context=context)
        return self._task

    def deliver_at_end_of(self, turn: Turn, queue: SendQueue) -> None:
        """Deliver messages in the turn of the loop in which they are routed, where possible."""
        if isinstance(queue, MemoryQueue):
            queue.defer = partial(turn.defer, partial(self._deliver_now, queue))

    def _deliver_now(self, queue: MemoryQueue[Deliverable]) -> None:
        """Deliver a batch in this turn of the loop, if the task waits for one; never raises.

        Whatever the endpoint does not accept at once, the task continues. To be called by a
        callback of the loop.
        """
        if not self._is_idle or self._ended or not self._connection.is_open:
            queue.wake()
            return
        messages = queue.take_now(self._at_once)
        if not messages:
            return
        self._is_idle = False
        batch = self._batch = UnsettledBatch(messages)
        try:
            if not self._joins_bundles or messages[-1].timetag is None:
                self._begin(messages)
        except BaseException as error:
            self._begun = FailedSend(error)
        if batch.pending:
            queue.hand_over()
            return
        self._begun, self._is_idle = None, True
        if self._sampler.entered_at:
            self._sampler.delivered()
        if len(queue):
            queue.wake()

    def _begin(self, messages: Sequence[Deliverable]) -> None:
        """Send messages, as far as the endpoint does not wait."""
        task, context, endpoint = self._task, self._context, self._endpoint
        assert task is not None
        if self._by_batch:
            self._begun = begin_send(endpoint.send_batch(messages), task, context)
            if self._begun is None:
                self._settled(self._batch.accept(len(messages)))
            return
        for message in messages:
            self._begun = begin_send(endpoint.send(message), task, context)
            if self._begun is not None:
                return
            self._settled(self._batch.accept(1))

    async def run(self, queue: SendQueue | None) -> None:
        """Deliver while connected, reconnect while not. Without a queue only reconnect."""
        sampler = self._sampler
        connection = self._connection
        delivered = 0
        while not self._ended:
            if not connection.is_open:
                await connection.reopen()
            if queue is None:
                await connection.broken.wait()
                continue
            batch = await self._next(queue)
            if not batch:
                continue
            if self._joins_bundles and batch[-1].timetag is not None:
                batch = await self._join_bundle(batch, queue)
            await self._deliver(batch, queue)
            if sampler.entered_at:
                sampler.delivered()
            delivered += len(batch)
            if delivered >= TURN and len(queue):
                delivered = 0
                await asyncio.sleep(0)  # take and send may both have returned without waiting

    async def _next(self, queue: SendQueue) -> Sequence[Deliverable]:
        """Wait for messages: new ones, or those whose delivery has begun outside the task."""
        self._is_idle = True
        try:
            taken = await queue.take(self._at_once)
        except asyncio.CancelledError as error:
            if not isinstance(self._begun, BegunSend):
                raise
            self._begun.cancel(error)  # for the send that waits
            taken = []
        finally:
            self._is_idle = False
        return taken or self._batch.unsettled

    async def _join_bundle(
        self, batch: Sequence[Deliverable], queue: SendQueue
    ) -> Sequence[Deliverable]:
        """The batch with the remaining messages of its last bundle."""
        loop = asyncio.get_running_loop()
        until = loop.time() + BUNDLE_TIMEOUT
        while isinstance(batch[-1].timetag, ForwardedTag) and len(batch) < MAX_JOINED:
            self._batch = UnsettledBatch(batch)  # they count as pending meanwhile
            if len(queue):
                batch = [*batch, *await queue.take(TURN)]
                continue
            if loop.time() >= until or self._ended:
                break
            is_open = any(map(_is_open, batch))
            # Threads hand messages for stateful steps to the loop before a bundle is complete.
            await asyncio.sleep(BUNDLE_POLL if is_open else 0)
            if not is_open and not len(queue):
                break
        return batch

    async def _deliver(self, messages: Sequence[Deliverable], queue: SendQueue) -> None:
        """Deliver a batch, through as many connections as it takes."""
        batch = self._batch = UnsettledBatch(messages)
        has_waited = not self._connection.is_open
        while batch.pending and not self._ended:
            if not self._connection.is_open and self._begun is None:
                await self._connection.reopen()
            if has_waited:
                self._expire(batch, queue)
            if batch.pending:
                await self._send(batch.unsettled)
            has_waited = True

    def _expire(self, batch: UnsettledBatch, queue: SendQueue) -> None:
        """Lose the messages that have waited for too long, as the endpoint was not connected."""
        expired = queue.expired(batch.unsettled)
        if expired and not self._ended:
            loss = Loss("expired", EndpointError("they waited longer than max_age"))
            self._settled(batch.settle(dict.fromkeys(expired, loss)))

    async def _send(self, messages: Sequence[Deliverable]) -> None:
        """Try to deliver some messages. Those that are not settled stay in the batch."""
        try:
            await self._attempt(messages)
        except PartialDelivery as error:
            has_progress = self._settle_some(error)
            if error.cause is not None:
                await self._recover(error.cause, has_progress=has_progress)
            elif not has_progress:  # or it would be sent again for ever
                self._lose("error", self._whole(messages), error)
        except (NotConnected, BackOff, OSError) as error:
            await self._recover(error)
        except BadMessage as error:
            self._lose(error.reason, self._whole(messages), error)
        except BaseException as error:
            if is_ending(error):
                raise
            self._lose("error", self._whole(messages), error)

    def _whole(self, messages: Sequence[Deliverable]) -> int:
        """How many messages an error is about that names none."""
        return len(messages) if self._by_batch else 1

    async def _attempt(self, messages: Sequence[Deliverable]) -> None:
        """Raises what the endpoint raises, and ``TimeoutError`` when it says that it is lost."""
        try:
            async with asyncio.timeout(None) as self._sending:
                begun, self._begun = self._begun, None
                if begun is not None and not self._connection.is_open:
                    self.interrupt()  # it was lost meanwhile
                if self._by_batch:
                    await (begun or self._endpoint.send_batch(messages))
                    self._settled(self._batch.accept(len(messages)))
                    return
                for message in messages:
                    await (begun or self._endpoint.send(message))
                    begun = None
                    self._settled(self._batch.accept(1))
        finally:
            self._sending = None

    async def _recover(
        self, error: NotConnected | BackOff | OSError, *, has_progress: bool = False
    ) -> None:
        """Prepare for sending the remaining messages again: wait or reconnect."""
        if isinstance(error, BackOff):
            self._reporter.report("back_off", str(error))
            await asyncio.sleep(error.seconds)
            return
        if self._connection.is_open:  # or it has said so itself
            self._connection.failed(error)
        if not has_progress:
            self._tries += 1
            if self._tries >= MAX_TRIES:
                self._lose("error", 1, error)


def _is_open(message: Deliverable) -> bool:
    """Whether more messages of its forwarded bundle follow."""
    return isinstance(message.timetag, ForwardedTag) and not message.timetag.is_complete
