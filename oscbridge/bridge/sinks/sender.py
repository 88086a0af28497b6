"""From the outbox to the endpoint: every message is delivered, or counted as lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge.bridge.routes.stateful_steps import LastValues
from oscbridge.bridge.sinks.connection import EndpointConnection, is_cancelled
from oscbridge.bridge.sinks.latency import Latency
from oscbridge.bridge.sinks.queues import SendQueue
from oscbridge.endpoint import Endpoint
from oscbridge.errors import BackOff, BadMessage, EndpointError, NotConnected
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["Sender", "several"]

MAX_TRIES: Final = 5
"""Connections in a row that may break at one message before it is dropped."""

MAX_BATCH: Final = 1_024
"""Messages that an endpoint is given at once."""

TURN: Final = 64
"""Messages after which others have their turn on the loop."""


class Sender:
    """Hands messages to an endpoint while it is connected, and has it connected again.

    ``count`` is called with a reason and a number for messages that are lost here.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connection: EndpointConnection,
        reporter: RateLimitedLog,
        count: Callable[[str, int], None],
        *,
        one_by_one: bool,
    ) -> None:
        self.sent = 0
        """Messages that were delivered."""
        self.pending = 0
        """Messages that were taken out and are not dealt with yet."""
        self.latency = Latency()
        """From the outbox's entrance to the endpoint's answer, of a sample of messages."""
        self.watcher: Callable[[Message], None] | None = None
        """Called with every message that was delivered."""
        self.latest = LastValues() if endpoint.remembers else None
        """The last message of each address, if the endpoint wants to know."""
        self._endpoint = endpoint
        self._connection = connection
        self._reporter = reporter
        self._count = count
        self._tries = 0
        self._by_batch = type(endpoint).send_batch is not Endpoint.send_batch
        self._sending: asyncio.Timeout | None = None
        self._ended = False
        # Where one message is sent after another, few are taken out, so that those that wait
        # can still be replaced or make room.
        self._at_once = MAX_BATCH if self._by_batch else 1 if one_by_one else TURN

    def interrupt(self) -> None:
        """Give up what is being sent, as the connection is gone; it is sent once more."""
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())

    def end(self) -> int:
        """Do nothing more, even if the endpoint did not let itself be cancelled.

        Returns how many messages are not dealt with.
        """
        self._ended = True
        left, self.pending = self.pending, 0
        return left

    async def run(self, outbox: SendQueue | None) -> None:
        """Deliver while connected, reconnect while not. Without an outbox only the latter."""
        clock = asyncio.get_running_loop().time
        connection = self._connection
        delivered = 0
        while not self._ended:
            if not connection.is_open:
                await connection.reopen()
            if outbox is None:
                await connection.broken.wait()
                continue
            batch = await outbox.take(self._at_once)
            if not batch:
                continue
            await self._deliver(batch)
            if outbox.sampled:
                self.latency.observe(clock() - outbox.sampled)
            delivered += len(batch)
            if delivered >= TURN and len(outbox):
                delivered = 0
                await asyncio.sleep(0)  # neither take nor send may have waited for anything

    async def _deliver(self, batch: Sequence[Message]) -> None:
        """Deliver a batch, through as many connections as it takes."""
        self.pending = len(batch)
        while self.pending and not self._ended:
            if not self._connection.is_open:
                await self._connection.reopen()
            await self._send(batch[-self.pending :])

    async def _send(self, messages: Sequence[Message]) -> None:
        """Try to deliver some messages. Those that are not dealt with stay pending."""
        try:
            await self._attempt(messages)
        except (NotConnected, OSError) as error:
            if self._connection.is_open:  # or it has said so itself
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
        """Raises what the endpoint raises, and ``TimeoutError`` when it says that it is lost."""
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
        """Count what an error says was delivered of a batch."""
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


def several(count: int) -> str:
    """So many messages, in words."""
    return "1 message" if count == 1 else f"{count} messages"
