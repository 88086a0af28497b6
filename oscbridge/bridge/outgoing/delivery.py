"""The bridge's side of one endpoint: outbox, delivery, counting, and what comes from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from oscbridge.bridge.endpoint import Endpoint, OnStart
from oscbridge.bridge.outgoing.connection import Connection, backoff, is_cancelled
from oscbridge.bridge.outgoing.outbox import OUTBOXES, Outbox, Policy
from oscbridge.bridge.routes.memory import Latest
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import BackOff, BadMessage, DecodeError, EndpointError, NotConnected
from oscbridge.handler import ClientAddress
from oscbridge.osc import Message, Origin
from oscbridge.report import Reporter
from oscbridge.transport.due_timer import DueTimer

__all__ = ["Delivery", "DeliveryOptions"]

START_TIMEOUT: Final = 1.0
"""Seconds that a start waits for an endpoint that may as well connect later."""

DRAIN_TIMEOUT: Final = 0.5
CANCEL_TIMEOUT: Final = 0.2
"""Seconds of a stop for what waits to be delivered, and for what is being delivered."""

MAX_HOPS: Final = 8
"""Endpoints that a message may come through, one after another, before it is dropped."""

MAX_TRIES: Final = 5
"""Connections in a row that may break at one message before it is dropped."""

MAX_BATCH: Final = 1_024
"""Messages that an endpoint is given at once."""

TURN: Final = 64
"""Messages after which others have their turn on the loop."""


@dataclass(frozen=True)
class DeliveryOptions:
    """The keys of ``[endpoint.NAME]`` that are the bridge's own."""

    policy: Policy
    on_start: OnStart
    outbox: int


class Delivery:
    """Runs one endpoint. It is the endpoint's host, and the sink that routes see."""

    def __init__(
        self,
        endpoint: Endpoint,
        type_name: str,
        options: DeliveryOptions,
        *,
        routed: bool,
        on_pressure: Callable[[bool], None] = lambda _on: None,
        waits: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.type = type_name
        self.options = options
        self.routed = routed
        self.takes_route = endpoint.RouteOptions is not None
        self.dispatcher = Dispatcher(name=endpoint.name)
        """The routes that read from this endpoint."""
        self.sent = 0
        self.refusals = 0
        self.drops: Counter[str] = Counter()
        self._on_pressure = on_pressure
        self._counting = threading.Lock()
        self._opened = False
        self._pending = 0
        self._tries = 0
        self._latest = Latest() if endpoint.remembers else None
        self._by_batch = type(endpoint).send_batch is not Endpoint.send_batch
        self._outbox: Outbox | None = None
        self._task: asyncio.Task[None] | None = None
        self._due: DueTimer | None = None
        self._sending: asyncio.Timeout | None = None
        self._reporter = Reporter(endpoint.log)
        self._connection = Connection(endpoint, self._reporter, waits)
        endpoint.attach(self)

    @property
    def connected(self) -> bool:
        return self._connection.is_open

    @property
    def problem(self) -> str:
        """Why it is not connected, for people."""
        return self._connection.problem

    # --- as routes see it: a sink ------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Take a message for delivery. From any thread; never raises."""
        outbox = self._outbox  # another thread may take it away
        if outbox is None:
            self.dropped("closed", 1)
        else:
            outbox.put(message)

    # --- as the endpoint sees it: its host ---------------------------------------------------

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes, unless it has come around too often."""
        hops = 0 if message.origin is None else message.origin.hops + 1
        if hops > MAX_HOPS:
            self.dropped("hops", 1)
            return
        origin = Origin(self.name, peer, hops)
        message = Message(message.address, message.types, message.args, message.timetag, origin)
        self.dispatcher.dispatch_message(message, peer, _no_reply)

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes."""
        self.dispatcher.dispatch(data, peer, _no_reply)

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and report what a peer sent and what is no message."""
        self.dispatcher.report_bad(error, peer)

    def refused(self, text: str) -> None:
        """Count and report somebody who is not let in."""
        self.refusals += 1
        self._reporter.report("refused", f"refused {text}")

    def dropped(self, reason: str, count: int) -> None:
        """Count and report messages that will not be delivered. From any thread."""
        self._count(reason, count)
        if reason not in _EXPECTED:
            self._reporter.report(reason, f"{_messages(count)} lost: {_WHY.get(reason, reason)}")

    def lost(self, error: Exception) -> None:
        """Reconnect, as the connection is gone; what is being sent is sent once more."""
        if not self._connection.lost(error):
            return
        if self._sending is not None:
            self._sending.reschedule(asyncio.get_running_loop().time())
        if self._outbox is not None:
            self._outbox.interrupt()

    def snapshot(self) -> list[Message]:
        """The last message of each address that was sent to the endpoint, oldest first."""
        return [] if self._latest is None else self._latest.values()

    def _count(self, reason: str, count: int) -> None:
        with self._counting:
            self.drops[reason] += count

    # --- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, then deliver until :meth:`stop`.

        Under ``on_start = "error"`` raises what ``connect`` raises. Under "retry" it goes
        on trying, and is not waited for long; under "ignore" the endpoint is left alone
        when it cannot be connected, and what is sent to it dropped.
        """
        self._opened = True
        loop = asyncio.get_running_loop()
        if self.options.on_start != "retry":
            try:
                await self._connection.open()
            except Exception as error:
                if self.options.on_start == "error":
                    raise
                self._connection.failed(error)
                return
        self._due = DueTimer(self.dispatcher.scheduler, loop)
        if self.endpoint.is_sink():
            make = OUTBOXES[self.options.policy]
            self._outbox = make(self.options.outbox, loop, self.dropped, self._on_pressure)
        self._task = loop.create_task(self._run(self._outbox), name=f"deliver {self.name}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                await self._connection.tried.wait()

    def release(self) -> None:
        """Let no source wait for this endpoint any more: a stop is near."""
        if self._outbox is not None:
            self._outbox.release()

    async def stop(self) -> None:
        """Deliver what waits, within a time-out, then close what was opened."""
        if not self._opened:
            return
        self._opened = False
        outbox, self._outbox = self._outbox, None
        if outbox is not None and self.connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_TIMEOUT):
                    await outbox.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_TIMEOUT)
        if outbox is not None:
            left = outbox.close() + self._pending
            if left:
                self.dropped("stopped", left)
        await self._connection.close()
        if self._due is not None:
            self._due.close()

    # --- delivery ----------------------------------------------------------------------------

    async def _run(self, outbox: Outbox | None) -> None:
        """Deliver while connected, reconnect while not."""
        # Where one message is sent after another, few are taken out, so that those that wait
        # can still be replaced or make room.
        one_by_one = 1 if self.options.policy == "latest" else TURN
        at_once = MAX_BATCH if self._by_batch else one_by_one
        delivered = 0
        while True:
            if not self.connected:
                await self._connection.reopen()
            if outbox is None:
                await self._connection.broken.wait()
                continue
            batch = await outbox.take(at_once)
            if not batch:
                continue
            await self._deliver(batch)
            delivered += len(batch)
            if delivered >= TURN and len(outbox):
                delivered = 0
                await asyncio.sleep(0)  # neither take nor send may have waited for anything

    async def _deliver(self, batch: Sequence[Message]) -> None:
        """Deliver a batch, through as many connections as it takes."""
        self._pending = len(batch)
        while self._pending:
            if not self.connected:
                await self._connection.reopen()
            await self._send(batch[-self._pending :])

    async def _send(self, messages: Sequence[Message]) -> None:
        """Try to deliver some messages. Those that are not dealt with stay pending."""
        try:
            await self._attempt(messages)
        except (NotConnected, OSError) as error:
            if self.connected:  # or it has said so itself
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
            self._failed("bad", self._pending if some else 1, error)
        except (Exception, asyncio.CancelledError) as error:
            if is_cancelled():
                raise
            self._failed("error", self._pending if self._by_batch else 1, error)

    async def _attempt(self, messages: Sequence[Message]) -> None:
        """Raises what the endpoint raises, and ``TimeoutError`` when it says that it is lost."""
        try:
            async with asyncio.timeout(None) as self._sending:
                if self._by_batch:
                    await self.endpoint.send_batch(messages)
                    self._delivered(messages)
                    return
                for message in messages:
                    await self.endpoint.send(message)
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
        if not messages:
            return
        self.sent += len(messages)
        self._pending -= len(messages)
        self._tries = 0
        self._connection.useful = True
        if self._latest is not None:
            self._latest.add(messages)

    def _failed(self, reason: str, count: int, error: BaseException) -> None:
        count = min(count, self._pending)
        self._tries = 0
        self._pending -= count
        self._count(reason, count)
        self._reporter.report(
            reason,
            f"{_messages(count)} lost: {str(error) or repr(error)}",
            level=logging.ERROR,
            error=None if isinstance(error, EndpointError | OSError) else error,
        )


_EXPECTED: Final = frozenset({"replaced"})
"""Reasons that are what the configuration asks for: counted, and not reported."""

_WHY: Final = {
    "full": "they come faster than they can be delivered",
    "closed": "the endpoint is not open",
    "stopped": "there was no time left to deliver them",
    "hops": f"they have come through more than {MAX_HOPS} endpoints; do routes form a ring?",
    "slow_client": "a client reads too slowly",
}
"""Reasons to drop messages, in words."""


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """What a route's function returns has no place to go."""
