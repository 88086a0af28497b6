"""The bridge's side of one endpoint: its life, its counters, and what comes from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from oscbridge.bridge.sinks.connection import EndpointConnection, backoff
from oscbridge.bridge.sinks.latency import Latency
from oscbridge.bridge.sinks.queues import SEND_QUEUES, SendQueue
from oscbridge.bridge.sinks.sender import Sender, several
from oscbridge.bridge.sinks.spool.queue import SpoolQueue
from oscbridge.bridge.sinks.spool.serializer import SpoolSerializer
from oscbridge.bridge.sinks.spool.writer import SpoolBounds
from oscbridge.dispatch.dispatcher import Dispatcher, Watcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.endpoint import Endpoint, OnStart, Policy
from oscbridge.errors import DecodeError, EndpointError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message, Origin

__all__ = ["DRAIN_TIMEOUT", "EndpointRunner", "RunnerOptions"]

START_TIMEOUT: Final = 1.0
"""Seconds that a start waits for an endpoint that may as well connect later."""

DRAIN_TIMEOUT: Final = 0.5
"""Seconds of a stop for what waits to be delivered, unless the configuration says otherwise."""

CANCEL_TIMEOUT: Final = 0.2
"""Seconds of a stop for what is being delivered."""

GONE_TIMEOUT: Final = 1.0
"""Seconds that what was routed before is waited for when a source's connection is over."""

MAX_HOPS: Final = 8
"""Endpoints that a message may come through, one after another, before it is dropped."""


@dataclass(frozen=True)
class RunnerOptions:
    """The keys of ``[endpoint.NAME]`` that are the bridge's own."""

    policy: Policy
    on_start: OnStart
    outbox: int
    spool: SpoolBounds | None = None
    """For the policy ``spool``."""


class EndpointRunner:
    """Runs one endpoint. It is the endpoint's host, and the sink that routes see.

    Its life: :meth:`open`, from which on it takes messages; :meth:`start`, which connects;
    :meth:`stop`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        type_name: str,
        options: RunnerOptions,
        *,
        on_backpressure: Callable[[bool], None] = lambda _on: None,
        waits: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.type = type_name
        self.options = options
        self.takes_route = endpoint.RouteOptions is not None
        self.dispatcher = Dispatcher(name=endpoint.name)
        """The routes that read from this endpoint."""
        self.left_alone = False
        """Whether it could not be connected at its start, and is not tried again."""
        self.refusals = 0
        self.drops: Counter[str] = Counter()
        self._on_pressure = on_backpressure
        self._counting = threading.Lock()
        self._offered = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._outbox: SendQueue | None = None
        self._entrance: SendQueue | None = None
        """The outbox, as long as it takes messages."""
        self._task: asyncio.Task[None] | None = None
        self._due: DueTimer | None = None
        self._reporter = RateLimitedLog(endpoint.log)
        self._connection = EndpointConnection(endpoint, self._reporter, waits)
        self._sender = Sender(
            endpoint,
            self._connection,
            self._reporter,
            self._count,
            one_by_one=options.policy == "latest",
        )
        endpoint.attach(self)

    # --- what is known of it -----------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connection.is_open

    @property
    def problem(self) -> str:
        """Why it is not connected, for people."""
        return self._connection.problem

    @property
    def routed(self) -> bool:
        """Whether a route of the configuration leads here."""
        return bool(self.endpoint.routes)

    @property
    def offered(self) -> int:
        """Messages that routes gave to it: all of them are sent, dropped or on their way."""
        outbox = self._outbox
        return self._offered + (0 if outbox is None else outbox.offered)

    @property
    def queued(self) -> int:
        """Messages on their way: in the outbox, on disk too, or taken from it and not dealt with.

        After a stop, those that stay on disk.
        """
        outbox = self._outbox
        return self._sender.pending + (0 if outbox is None else len(outbox))

    @property
    def has_backpressure(self) -> bool:
        """Whether sources should pause: it is full, and its policy is ``block``."""
        return self._outbox is not None and self._outbox.has_backpressure

    @property
    def sent(self) -> int:
        return self._sender.sent

    @property
    def latency(self) -> Latency:
        """From routed to delivered, of a sample of messages."""
        return self._sender.latency

    def watch(self, incoming: Watcher | None, outgoing: Watcher | None) -> None:
        """Have these called with each message that comes from it, and that was delivered to it.

        None for nobody. They run on the loop, the first also on other threads, and must not wait.
        """
        self.dispatcher.watch(incoming)
        self._sender.watcher = outgoing

    # --- as routes see it: a sink ------------------------------------------------------------

    def offer(self, message: Message) -> None:
        """Take a message for delivery. From any thread; never raises."""
        outbox = self._entrance  # another thread may take it away
        if outbox is None:
            with self._counting:
                self._offered += 1
            self.dropped("closed", 1)
        else:
            outbox.put(message)

    def source_gone(self, origin: Origin) -> None:
        """Tell the endpoint, if it wants to know, that a connection is over. From any thread."""
        if self._loop is None or type(self.endpoint).source_gone is Endpoint.source_gone:
            return
        try:
            self._loop.call_soon_threadsafe(self._tell_gone, origin)
        except RuntimeError:
            pass  # the loop is closed

    def _tell_gone(self, origin: Origin) -> None:
        task = asyncio.ensure_future(self._tell_gone_in_time(origin))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_gone_in_time(self, origin: Origin) -> None:
        if self._outbox is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GONE_TIMEOUT):
                    await self._outbox.join()
        try:
            self.endpoint.source_gone(origin)
        except Exception as error:
            text = f"source_gone raised {error!r}"
            self._reporter.report("source_gone", text, level=logging.ERROR, error=error)

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

    def left(self, peer: ClientAddress) -> None:
        """The connection of a peer is over."""
        self.dispatcher.client_disconnected(peer)

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and report what a peer sent and what is no message."""
        self.dispatcher.report_bad(error, peer)

    def refused(self, text: str) -> None:
        """Count and report somebody who is not let in."""
        self.refusals += 1
        self._reporter.report("refused", f"refused {text}")

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and report messages that will not be delivered. From any thread."""
        self._count(reason, count)
        if reason not in _EXPECTED:
            text = f"{several(count)} lost: {why or _WHY.get(reason, reason)}"
            self._reporter.report(reason, text, count=count)

    def lost(self, error: Exception) -> None:
        """Reconnect, as the connection is gone; what is being sent is sent once more."""
        if not self._connection.lost(error):
            return
        self._sender.interrupt()
        if self._outbox is not None:
            self._outbox.interrupt()

    def snapshot(self) -> list[Message]:
        """The last message of each address that was sent to the endpoint, oldest first."""
        latest = self._sender.latest
        return [] if latest is None else latest.values()

    def flush_reports(self, *, everything: bool = False) -> None:
        """Have told what was reported and is overdue."""
        self._reporter.flush(everything=everything)

    def _count(self, reason: str, count: int) -> None:
        with self._counting:
            self.drops[reason] += count

    # --- its life ----------------------------------------------------------------------------

    def open(self) -> None:
        """Take messages from now on; they wait until it is connected. On the loop."""
        if self._due is not None:
            return
        self._loop = loop = asyncio.get_running_loop()
        self._due = DueTimer(self.dispatcher.scheduler, loop)
        if self.endpoint.is_sink():
            self._outbox = self._entrance = self._make_outbox(loop)

    def _make_outbox(self, loop: asyncio.AbstractEventLoop) -> SendQueue:
        options, endpoint = self.options, self.endpoint
        if options.policy != "spool":
            return SEND_QUEUES[options.policy](
                options.outbox,
                loop,
                self.dropped,
                self._on_pressure,
                endpoint.key,
                endpoint.essential,
            )
        if options.spool is None:
            raise ValueError("the policy 'spool' needs a file")
        return SpoolQueue(
            options.outbox,
            loop,
            self.dropped,
            options.spool,
            SpoolSerializer(endpoint.RouteOptions),
            endpoint.keeps,
            self._reporter,
        )

    async def start(self, on_start: OnStart | None = None) -> None:
        """Connect, then deliver until :meth:`stop`.

        Under ``on_start = "error"`` raises what ``connect`` raises, or :class:`EndpointError`
        about the file of a spool; without its file a spool goes on in memory. Under "retry" it goes
        on trying, and is not waited for long; under "ignore" the endpoint is left alone
        when it cannot be connected, and what is sent to it dropped.
        """
        self.open()
        on_start = on_start or self.options.on_start
        if self._outbox is not None:
            try:
                await self._outbox.opened()
            except EndpointError:
                if on_start == "error":
                    raise
        if on_start != "retry":
            try:
                await self._connection.open()
            except Exception as error:
                if on_start == "error":
                    raise
                self.left_alone = True
                self._connection.failed(error)
                await self._close_outbox("closed")
                return
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._sender.run(self._outbox), name=f"deliver {self.name}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                await self._connection.tried.wait()

    def release(self) -> None:
        """Let no source wait for this endpoint any more: a stop is near."""
        if self._outbox is not None:
            self._outbox.release()

    async def stop(self, drain: float = DRAIN_TIMEOUT) -> None:
        """Deliver what waits, within ``drain`` seconds, then close what was opened."""
        if self._due is None:
            return
        due, self._due = self._due, None
        self._entrance = self._loop = None
        for telling in tuple(self._telling):
            telling.cancel()
        if self._outbox is not None and self.connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain):
                    await self._outbox.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_TIMEOUT)
        await asyncio.gather(self._close_outbox("stopped"), self._connection.close())
        due.close()

    async def _close_outbox(self, reason: str) -> None:
        self._entrance = None
        if self._outbox is None:
            return
        left = self._outbox.close(self._sender.end())
        left += await self._outbox.finish()
        if left:
            self.dropped(reason, left)
        if len(self._outbox):
            self.endpoint.log.info("%s on disk, for later", several(len(self._outbox)))


_EXPECTED: Final = frozenset({"replaced"})
"""Reasons that are what the configuration asks for: counted, and not reported."""

_WHY: Final = {
    "full": "they come faster than they can be delivered",
    "closed": "the endpoint is not open",
    "stopped": "there was no time left to deliver them",
    "hops": f"they have come through more than {MAX_HOPS} endpoints; do routes form a ring?",
    "expired": "they waited on disk for too long",
    "unreadable": "the file on disk is damaged, or another version has written it",
}
"""The host's own reasons to drop messages, in words."""


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """What a route's function returns has no place to go."""
