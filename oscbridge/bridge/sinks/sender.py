"""From the send queue to the endpoint: every message is delivered, or counted as lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.bridge.sinks.connection import EndpointConnection, is_ending
from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.last_values import LastValues
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.unsettled import Loss, Settled, UnsettledBatch
from oscbridge.delivery import Deliverable, Delivery
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.endpoint import AnyEndpoint, Endpoint
from oscbridge.errors import (
    BackOff,
    BadMessage,
    EndpointError,
    NotConnected,
    PartialDelivery,
    PoisonMessage,
)
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

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


class Sender:
    """Passes messages to an endpoint while it is connected, and reconnects it.

    ``count`` is called with a reason and a number for messages that are lost here, ``on_poison``
    with each message that ends connections, and the explanation. With ``joins_bundles`` no batch
    ends within a forwarded bundle; not for a spool, where taking more settles those before.
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
        self.sent = 0
        """Messages that were delivered."""
        self.watcher: Callable[[Message], None] | None = None
        """Called with every delivered message."""
        self._max_addresses = max_addresses
        self.latest: LastValues | None = None
        """The last message of each address, if the endpoint asks for it."""
        if endpoint.keeps_last_values:
            self.latest = LastValues(max_addresses, self._warn)
        self._endpoint = endpoint
        self._connection = connection
        self._reporter = reporter
        self._count = count
        self._on_poison = on_poison
        self._sampler = sampler
        self._batch = UnsettledBatch(())
        self._tries = 0
        self._joins_bundles = joins_bundles
        self._by_batch = type(endpoint).send_batch is not Endpoint.send_batch
        self._sending: asyncio.Timeout | None = None
        self._ended = False
        # An endpoint without batches takes few at once, so that those in the queue can still be
        # replaced or dropped.
        self._at_once = MAX_BATCH if self._by_batch else 1 if one_by_one else TURN

    def _warn(self) -> None:
        """Say once that not all last values are kept."""
        text = "more than %d addresses: snapshots are incomplete; raise max_addresses in [run]"
        self._endpoint.log.warning(text, self._max_addresses)

    def interrupt(self) -> None:
        """Abort the send in progress after the connection was lost; it is repeated."""
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    @property
    def attempt(self) -> object:
        """The send in progress; None without one. Each has an object of its own."""
        return self._sending

    @property
    def pending(self) -> int:
        """Messages taken from the queue that do not count as sent or lost yet."""
        return self._batch.pending

    def end(self, *, in_order: bool = False) -> int:
        """Stop, even if the endpoint ignores its cancellation.

        Returns the number of messages that are not settled; ``in_order`` counts those as well
        that are settled while one before them is not.
        """
        if not in_order:
            self._settled(self._batch.settle_early())
        self._ended = True
        left, self._batch = self._batch.pending, UnsettledBatch(())
        return left

    def lose_batch(self, error: BaseException) -> None:
        """Give up the messages that an endpoint had when it ended the delivery."""
        if self._batch.pending:
            self._lose("error", len(self._batch.unsettled), error)

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
            batch = await queue.take(self._at_once)
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

    async def _join_bundle(self, batch: list[Deliverable], queue: SendQueue) -> list[Deliverable]:
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
            if not self._connection.is_open:
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
                if self._by_batch:
                    await self._endpoint.send_batch(messages)
                    self._settled(self._batch.accept(len(messages)))
                    return
                for message in messages:
                    await self._endpoint.send(message)
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

    def _settle_some(self, error: PartialDelivery) -> bool:
        """Settle what an endpoint says was accepted and rejected. Whether that was anything."""
        if not self._by_batch:
            return False  # one message has no parts
        unsettled = self._batch.unsettled
        before = len(unsettled)
        outcomes: dict[int, Loss | None] = dict.fromkeys(error.accepted)
        outcomes |= {index: Loss(bad.reason, bad) for index, bad in error.rejected.items()}
        for index, bad in error.rejected.items():
            if self._on_poison is not None and isinstance(bad, PoisonMessage) and index < before:
                self._on_poison(unsettled[index], str(bad))
        self._settled(self._batch.settle(outcomes))
        return len(self._batch.unsettled) < before

    def _lose(self, reason: str, count: int, error: BaseException) -> None:
        """Give up the first ``count`` messages that are not settled."""
        loss = Loss(reason, error)
        self._settled(self._batch.settle(dict.fromkeys(range(count), loss)))

    def _settled(self, settled: Settled) -> None:
        """Count messages as sent or lost."""
        if self._ended:
            return
        self._tries = 0
        if settled.accepted:
            self._delivered(settled.accepted)
        if settled.lost:
            self._report(settled.lost)

    def _report(self, losses: Sequence[Loss]) -> None:
        """Count and log losses, those with the same text together."""
        groups: dict[tuple[str, str], list[Loss]] = {}
        for loss in losses:
            text = _reason(loss.error)
            groups.setdefault((loss.reason, text), []).append(loss)
        for (reason, text), group in groups.items():
            error = group[0].error
            self._count(reason, len(group))
            self._reporter.report(
                reason,
                f"{several(len(group))} lost: {text}",
                level=logging.ERROR,
                count=len(group),
                error=None if isinstance(error, EndpointError | OSError) else error,
            )

    def _delivered(self, messages: Sequence[Deliverable]) -> None:
        self.sent += len(messages)
        self._connection.useful = True
        if self._connection.is_recovering:
            self._connection.recovered()
        if self.latest is None and self.watcher is None:
            return
        plain = [each.message if isinstance(each, Delivery) else each for each in messages]
        if self.latest is not None:
            self.latest.add(plain)
        if self.watcher is not None:
            for message in plain:
                self.watcher(message)


def _is_open(message: Deliverable) -> bool:
    """Whether more messages of its forwarded bundle follow."""
    return isinstance(message.timetag, ForwardedTag) and not message.timetag.is_complete


def _reason(error: BaseException) -> str:
    if isinstance(error, EndpointError | OSError):
        return str(error) or repr(error)
    return failure_text(error)  # a mistake in the endpoint
