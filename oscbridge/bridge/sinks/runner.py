"""The bridge's side of one endpoint: its lifecycle, its counters, and its incoming messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Final

from oscbridge.abilities import Reconfigurable, RouteAware
from oscbridge.bridge.config.models import LimitOptions
from oscbridge.bridge.hops import MAX_HOPS, hops_of, origin_after
from oscbridge.bridge.sinks.background_tasks import BackgroundTasks
from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.connection import EndpointConnection, backoff, description_of
from oscbridge.bridge.sinks.disconnects import DisconnectNotifier
from oscbridge.bridge.sinks.drops import DropCounter, several
from oscbridge.bridge.sinks.latency import Latency, LatencySampler
from oscbridge.bridge.sinks.policies import RunnerOptions, make_queue
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.bridge.sinks.sender import Sender
from oscbridge.bridge.sinks.spool.rejected import RejectedFile
from oscbridge.bridge.sinks.stall_watch import StallWatch, waiting_at
from oscbridge.delivery import Deliverable, RouteInfo
from oscbridge.dispatch.dispatcher import Dispatcher, Watcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.endpoint import AnyEndpoint, OnStart
from oscbridge.errors import DecodeError, EndpointError
from oscbridge.failures import failure_text
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.options import Options
from oscbridge.osc import Message, Origin

__all__ = ["DRAIN_TIMEOUT", "EndpointRunner"]

START_TIMEOUT: Final = 1.0
"""Seconds for which a start waits for an endpoint with ``on_start = "retry"``."""

DRAIN_TIMEOUT: Final = 0.5
"""Seconds that a stop allows for delivering queued messages, by default."""

CANCEL_TIMEOUT: Final = 0.2
"""Seconds that a stop allows for cancelling the delivery in progress."""


class EndpointRunner:
    """Runs one endpoint. It is the endpoint's host, and the sink that routes see.

    Its lifecycle: :meth:`open`, after which it accepts messages; :meth:`start`, which connects;
    :meth:`stop`.
    """

    def __init__(
        self,
        endpoint: AnyEndpoint,
        type_name: str,
        options: RunnerOptions,
        *,
        waits: Callable[[], Iterator[float]] = backoff,
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.name
        self.type = type_name
        self.options = options
        self.takes_route = endpoint.route_options_type is not None
        self.dispatcher = Dispatcher(name=endpoint.name, scheduler=LimitOptions().scheduler())
        """The routes that read from this endpoint."""
        self.backpressure = Backpressure()
        """Active while a full queue with the policy ``block`` wants the sources to pause."""
        self.left_alone = False
        """Whether it could not be connected at its start, and is not retried."""
        self.refusals = 0
        self.unreachable_errors = 0
        """Calls of :meth:`unreachable`: datagrams that were not accepted, or missing answers."""
        self._routes: Sequence[RouteInfo] = ()
        self._offered = 0
        self._counting = threading.Lock()
        self.queue: SendQueue | None = None
        """Messages waiting for delivery, after :meth:`open` of a sink."""
        self._open_queue: SendQueue | None = None
        """The queue while it accepts messages."""
        self._task: asyncio.Task[None] | None = None
        self._due: DueTimer | None = None
        self._log = RateLimitedLog(endpoint.log)
        self._drops = DropCounter(self._log)
        self._client_drops = DropCounter(self._log)
        self._sampler = LatencySampler(time.monotonic)
        self._connection = EndpointConnection(endpoint, self._log, waits)
        spool = options.spool if options.policy == "spool" else None
        self._sender = Sender(
            endpoint,
            self._connection,
            self._log,
            self._drops.count,
            self._sampler,
            one_by_one=options.policy == "latest",
            on_poison=None if spool is None else RejectedFile(spool.path, self._log).keep,
        )
        self._tasks = BackgroundTasks(self.name, self._log, self.connection_lost)
        self._connection.on_close = self._tasks.cancel
        self._stalls = StallWatch(options.stall_timeout, time.monotonic)
        self._stalled = ""
        self._disconnects = DisconnectNotifier(endpoint, self._log)
        endpoint.attach(self)

    # --- its state ---------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._connection.is_open and not self._connection.is_doubted

    def describe(self) -> str:
        """Where it is, human-readable; why that is unknown if the endpoint fails. Never raises."""
        return description_of(self.endpoint)

    @property
    def problem(self) -> str:
        """Why it is not connected, or that a send does not return; human-readable."""
        return self._connection.problem or self._stalled

    @property
    def routed(self) -> bool:
        """Whether a route of the configuration sends messages to it."""
        return bool(self._routes)

    @property
    def routes(self) -> Sequence[RouteInfo]:
        """The routes of the configuration that lead to it."""
        return self._routes

    @routes.setter
    def routes(self, routes: Sequence[RouteInfo]) -> None:
        self._routes = routes
        if isinstance(self.endpoint, RouteAware):
            self.endpoint.routes = routes

    def routes_changed(self) -> None:
        """Notify the endpoint that its routes have changed. Raises what it raises."""
        if isinstance(self.endpoint, RouteAware):
            self.endpoint.on_routes_changed()

    def update(self, options: Options) -> bool:
        """Whether the endpoint continues with other options. Raises what it raises."""
        if isinstance(self.endpoint, Reconfigurable):
            return bool(self.endpoint.update(options))
        return bool(options == self.endpoint.options)

    @property
    def offered(self) -> int:
        """Messages from routes: each is sent, dropped, queued or in flight."""
        return self._offered + (0 if self.queue is None else self.queue.offered)

    @property
    def queued(self) -> int:
        """Messages in the send queue, also on disk, and those in flight.

        After a stop, those that stay on disk.
        """
        return self._sender.pending + (0 if self.queue is None else len(self.queue))

    @property
    def in_flight(self) -> int:
        """Messages taken from the send queue that are neither sent nor dropped yet."""
        return self._sender.pending

    @property
    def has_backpressure(self) -> bool:
        """Whether sources should pause: the queue is full, and its policy is ``block``."""
        return self.backpressure.is_active

    @property
    def drops(self) -> Counter[str]:
        """Messages that were not delivered, by reason."""
        return self._drops.counts

    @property
    def client_drops(self) -> Counter[str]:
        """Messages that single clients missed, by reason; for the endpoint they are sent."""
        return self._client_drops.counts

    @property
    def sent(self) -> int:
        return self._sender.sent

    @property
    def latency(self) -> Latency:
        """From routed to delivered, of a sample of messages."""
        return self._sampler.latency

    def watch(self, incoming: Watcher | None, outgoing: Watcher | None) -> None:
        """Call these with each message received from it, and each message delivered to it.

        None stops watching. They are called on the event loop, the first also on other threads,
        and must not wait.
        """
        self.dispatcher.watch(incoming)
        self._sender.watcher = outgoing

    # --- for routes: a sink ------------------------------------------------------------------

    def offer(self, message: Deliverable) -> None:
        """Queue a message for delivery. From any thread; never raises."""
        queue = self._open_queue  # another thread may set it to None
        if queue is None:
            with self._counting:
                self._offered += 1
            self.dropped("closed", 1)
        else:
            queue.put(message)

    def notify_peer_disconnected(self, origin: Origin) -> None:
        """Notify the endpoint that a connection ended. From any thread."""
        self._disconnects.notify(origin)

    # --- for the endpoint: its host ----------------------------------------------------------

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes, unless it has passed through too many endpoints."""
        hops = 0 if message.origin is None else hops_of(message.origin) + 1
        if hops > MAX_HOPS:
            self.dispatcher.statistics.messages += 1
            self.dispatcher.report_dropped("hops", 1, _TOO_MANY_HOPS)
            return
        origin = origin_after(self.name, peer, hops)
        message = Message(message.address, message.types, message.args, message.timetag, origin)
        self.dispatcher.dispatch_message(message, peer, _no_reply)

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes."""
        self.dispatcher.dispatch(data, peer, _no_reply)

    def peer_disconnected(self, peer: ClientAddress) -> None:
        """The connection of a peer is over."""
        self.dispatcher.client_disconnected(peer)

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and log invalid input from a peer."""
        self.dispatcher.report_bad(error, peer)

    def refused(self, text: str) -> None:
        """Count and log a rejected client."""
        self.refusals += 1
        self._log.report("refused", f"refused {text}")

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that will not be delivered. From any thread."""
        self._drops.drop(reason, count, why)

    def client_dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that one client misses. From any thread."""
        self._client_drops.drop(reason, count, why)

    def connection_lost(self, error: Exception) -> None:
        """Reconnect after the connection was lost; messages being sent are sent again."""
        if not self._connection.lost(error):
            return
        self._sender.interrupt()
        if self.queue is not None:
            self.queue.interrupt()

    def unreachable(self, text: str) -> None:
        """Show the endpoint as not connected, without a reconnect."""
        self.unreachable_errors += 1
        self._connection.unreachable(text)

    def reachable(self) -> None:
        """Show the endpoint as connected again after :meth:`unreachable`."""
        self._connection.reachable()

    def start_task(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine until the connection is closed; reconnect if it dies."""
        return self._tasks.start(coroutine)

    @property
    def failed_tasks(self) -> int:
        """Background tasks of the endpoint that died."""
        return self._tasks.died

    def last_values(self) -> list[Message]:
        """The last message of each address that was sent to the endpoint, oldest first."""
        latest = self._sender.latest
        return [] if latest is None else latest.values()

    def flush_reports(self, *, everything: bool = False) -> None:
        """Write overdue summaries of repeated log lines; look whether the send makes progress."""
        self._look_at_send()
        self._log.flush(everything=everything)

    def _look_at_send(self) -> None:
        """Log a send that does not return, with the line that it waits in."""
        seconds = 0.0
        if self.options.policy != "block":
            seconds = self._stalls.look(self._sender.attempt, self._sender.pending)
        if not seconds:
            self._stalled = ""
            return
        if not self._stalled:
            place = "" if self._task is None else waiting_at(self._task)
            text = f"send in progress for {seconds:.0f} s{f', waiting at {place}' if place else ''}"
            self._log.report("stalled", text, level=logging.ERROR)
        self._stalled = f"send in progress for {seconds:.0f} s"

    # --- its lifecycle -----------------------------------------------------------------------

    def open(self) -> None:
        """Accept messages; they wait until it is connected. On the event loop."""
        if self._due is not None:
            return
        loop = asyncio.get_running_loop()
        self._due = DueTimer(self.dispatcher.scheduler, loop)
        if self.endpoint.is_sink():
            self.queue = self._open_queue = make_queue(
                self.options,
                self.endpoint,
                loop,
                self.dropped,
                self._sampler,
                self.backpressure,
                self._log,
            )
        self._disconnects.open(loop, self.queue)

    async def start(self, on_start: OnStart | None = None) -> None:
        """Connect, then deliver until :meth:`stop`.

        With ``on_start = "error"`` raises what ``connect`` raises, or :class:`EndpointError`
        about the file of a spool; otherwise a spool without its file keeps messages in memory.
        With "retry" it keeps trying, and the start waits at most :data:`START_TIMEOUT`; with
        "ignore" an endpoint that cannot be connected stays closed, and its messages are dropped.
        """
        self.open()
        on_start = on_start or self.options.on_start
        if self.queue is not None:
            try:
                await self.queue.opened()
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
                await self._close_queue("closed")
                return
        self._deliver()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                await self._connection.tried.wait()

    def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._sender.run(self.queue), name=f"deliver {self.name}")
        self._task.add_done_callback(self._delivery_ended)

    def _delivery_ended(self, task: asyncio.Task[None]) -> None:
        """Deliver again, unless this is the stop: the endpoint may have cancelled the task."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._due is None or error is None:
            return
        self._sender.lose_batch(error)
        self._connection.failed(EndpointError(f"delivery ended: {failure_text(error)}"))
        self._deliver()

    def release(self) -> None:
        """Stop sources from waiting for room, as a stop is about to follow."""
        if self.queue is not None:
            self.queue.release()

    async def stop(self, drain: float = DRAIN_TIMEOUT) -> None:
        """Deliver queued messages within ``drain`` seconds, then close the endpoint."""
        if self._due is None:
            return
        due, self._due = self._due, None
        self._open_queue = None
        self._disconnects.close()
        if self.queue is not None and self._connection.is_open:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain):
                    await self.queue.join()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_TIMEOUT)
        await asyncio.gather(self._close_queue("stopped"), self._connection.close())
        due.close()

    async def _close_queue(self, reason: str) -> None:
        self._open_queue = None
        if self.queue is None:
            return
        in_order = self.options.policy == "spool"
        lost = self.queue.close(self._sender.end(in_order=in_order))
        lost += await self.queue.finish()
        if lost:
            self.dropped(reason, lost)
        if len(self.queue):
            self.endpoint.log.info("%s kept on disk", several(len(self.queue)))


_TOO_MANY_HOPS: Final = (
    f"they passed through more than {MAX_HOPS} endpoints; do routes form a ring?"
)


def _no_reply(client_address: ClientAddress, result: object) -> None:
    """Ignore the result of a route's function: an endpoint takes no replies."""
