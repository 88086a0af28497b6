"""From the send queue to the endpoint: every message is delivered, or counted as lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge.bridge.sinks.connection import EndpointConnection, is_cancelled
from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.last_values import LastValues
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.endpoint import Endpoint
from oscbridge.errors import BackOff, BadMessage, EndpointError, NotConnected
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["Sender"]

MAX_TRIES: Final = 5
"""Consecutive connections that may break while sending one message before it is dropped."""

MAX_BATCH: Final = 1_024
"""Largest number of messages passed to ``send_batch``."""

TURN: Final = 64
"""Messages after which other tasks run on the event loop."""


class Sender:
    """Passes messages to an endpoint while it is connected, and reconnects it.

    ``count`` is called with a reason and a number for messages that are lost here.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connection: EndpointConnection,
        reporter: RateLimitedLog,
        count: Callable[[str, int], None],
        sampler: LatencySampler,
        *,
        one_by_one: bool,
    ) -> None:
        self.sent = 0
        """Messages that were delivered."""
        self.pending = 0
        """Messages taken from the queue and not settled yet."""
        self.watcher: Callable[[Message], None] | None = None
        """Called with every delivered message."""
        self.latest = LastValues() if endpoint.remembers else None
        """The last message of each address, if the endpoint asks for it."""
        self._endpoint = endpoint
        self._connection = connection
        self._reporter = reporter
        self._count = count
        self._sampler = sampler
        self._tries = 0
        self._by_batch = type(endpoint).send_batch is not Endpoint.send_batch
        self._sending: asyncio.Timeout | None = None
        self._ended = False
        # An endpoint without batches takes few at once, so that those in the queue can still be
        # replaced or dropped.
        self._at_once = MAX_BATCH if self._by_batch else 1 if one_by_one else TURN

    def interrupt(self) -> None:
        """Abort the send in progress after the connection was lost; it is repeated."""
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    def end(self) -> int:
        """Stop, even if the endpoint ignores its cancellation.

        Returns the number of messages that are not settled.
        """
        self._ended = True
        left, self.pending = self.pending, 0
        return left

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
            await self._deliver(batch)
            if sampler.entered_at:
                sampler.delivered()
            delivered += len(batch)
            if delivered >= TURN and len(queue):
                delivered = 0
                await asyncio.sleep(0)  # take and send may both have returned without waiting

    async def _deliver(self, batch: Sequence[Message]) -> None:
        """Deliver a batch, reconnecting as often as necessary."""
        self.pending = len(batch)
        while self.pending and not self._ended:
            if not self._connection.is_open:
                await self._connection.reopen()
            await self._send(batch[-self.pending :])

    async def _send(self, messages: Sequence[Message]) -> None:
        """Try to deliver messages. Those that are not settled stay pending."""
        try:
            await self._attempt(messages)
        except (NotConnected, OSError) as error:
            if self._connection.is_open:  # else the endpoint has reported the loss itself
                self._connection.failed(error)
            if not self._sent_before(error, messages):
                self._tries += 1
                if self._tries >= MAX_TRIES:
                    self._failed("error", 1, error)
        except BackOff as error:
            self._sent_before(error, messages)
            self._reporter.report("back_off", str(error))
            await asyncio.sleep(error.seconds)
        except BadMessage as error:
            self._sent_before(error, messages)
            some = self._by_batch and error.sent is None
            self._failed("bad", self.pending if some else 1, error)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            self._failed("error", self.pending if self._by_batch else 1, error)

    async def _attempt(self, messages: Sequence[Message]) -> None:
        """Raises what the endpoint raises, or ``TimeoutError`` after :meth:`interrupt`."""
        try:
            async with asyncio.timeout(None) as self._sending:
                if self._by_batch:
                    await self._endpoint.send_batch(messages)
                    self._delivered(messages)
                    return
                for message in messages:
                    await self._endpoint.send(message)
                    self._delivered((message,))
        finally:
            self._sending = None

    def _sent_before(self, error: Exception, messages: Sequence[Message]) -> int:
        """Count the messages of a batch that were delivered before an error."""
        sent = getattr(error, "sent", None) if self._by_batch else None
        count = min(max(sent or 0, 0), len(messages))
        self._delivered(messages[:count])
        return count

    def _delivered(self, messages: Sequence[Message]) -> None:
        if not messages or self._ended:
            return
        self.sent += len(messages)
        self.pending -= len(messages)
        self._tries = 0
        self._connection.useful = True
        if self.latest is not None:
            self.latest.add(messages)
        if self.watcher is not None:
            for message in messages:
                self.watcher(message)

    def _failed(self, reason: str, count: int, error: BaseException) -> None:
        if self._ended:
            return
        count = min(count, self.pending)
        self._tries = 0
        self.pending -= count
        self._count(reason, count)
        self._reporter.report(
            reason,
            f"{several(count)} lost: {str(error) or repr(error)}",
            level=logging.ERROR,
            count=count,
            error=None if isinstance(error, EndpointError | OSError) else error,
        )
