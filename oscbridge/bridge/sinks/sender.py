"""From the send queue to the endpoint: every message is delivered, or counted as lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import copy_context
from typing import Final

from oscbridge.bridge.cancellation import is_ending
from oscbridge.bridge.sinks.begun_send import BegunSend
from oscbridge.bridge.sinks.drops import STANDBY
from oscbridge.bridge.sinks.immediate import MAX_BATCH, TURN, ImmediateSending
from oscbridge.bridge.sinks.role_gate import StandsBy
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.unsettled import Loss, UnsettledBatch
from oscbridge.contract.delivery import Deliverable
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.errors import (
    BackOff,
    BadMessage,
    EndpointError,
    NotConnected,
    PartialDelivery,
)

__all__ = ["Sender"]

MAX_TRIES: Final = 5
"""Consecutive connections that may break while sending one message before it is dropped."""

MAX_JOINED: Final = 4 * MAX_BATCH
"""Largest number of messages of a batch that is not to end within a bundle."""

BUNDLE_TIMEOUT: Final = 0.1
"""Seconds to wait for the messages of a bundle that other threads or processes still route."""

BUNDLE_POLL: Final = 0.001
"""Seconds between looks for them."""


class Sender(ImmediateSending):
    """Passes messages to an endpoint while it is connected, and reconnects it.

    With ``joins_bundles`` no batch ends within a forwarded bundle; not for a spool, where taking
    more settles those before.
    """

    _sending: asyncio.Timeout | None = None

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
            await self._deliver_all(batch, queue)
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
            self._continue_with(batch)  # they count as pending meanwhile
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

    async def _deliver_all(self, messages: Sequence[Deliverable], queue: SendQueue) -> None:
        """Deliver a batch, through as many connections as it takes."""
        batch = self._continue_with(messages)
        has_waited = not self._connection.is_open
        while batch.pending and not self._ended:
            if not self._connection.is_open and self._begun is None:
                await self._connection.reopen()
            if has_waited:
                self._expire(batch, queue)
                if batch is self._outdated:
                    self._lose(STANDBY, len(batch.unsettled), StandsBy(STANDBY))
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
            try:
                await self._attempt(messages)
            except PartialDelivery as error:
                has_progress = self._settle_some(error)
                if error.cause is not None:
                    await self._recover(_checked(error.cause), has_progress=has_progress)
                elif not has_progress:  # or it would be sent again for ever
                    self._lose("error", self._whole(messages), error)
            except (NotConnected, BackOff, OSError) as error:
                await self._recover(error)
            except BadMessage as error:
                self._lose(error.reason, self._whole(messages), error)
        except BaseException as error:  # of the endpoint, or by an invalid error of it
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


def _checked(cause: object) -> NotConnected | BackOff | OSError:
    """Raises ``TypeError`` if a plugin gives something else as the cause."""
    if not isinstance(cause, NotConnected | BackOff | OSError):
        raise TypeError(f"the cause must be NotConnected, BackOff or OSError, got {cause!r}")
    return cause
