"""The bridge's side of one endpoint: its lifecycle, its counters, and its incoming messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Final

from oscbridge.bridge.cancellation import is_ending
from oscbridge.bridge.sinks.background_tasks import BackgroundTasks
from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.connection import CONNECT_TIMEOUT, EndpointConnection, backoff
from oscbridge.bridge.sinks.disconnects import DisconnectNotifier
from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.dry_sink import DrySink
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.policies import RunnerOptions, make_queue
from oscbridge.bridge.sinks.sender import Sender
from oscbridge.bridge.sinks.sink_side import SinkSide
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.bridge.sinks.stall_watch import StallWatch
from oscbridge.contract.abilities import Consuming
from oscbridge.contract.delivery import Deliverable
from oscbridge.contract.endpoint import AnyEndpoint, OnStart
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.errors import EndpointError
from oscbridge.failures import failure_text
from oscbridge.osc import Origin

__all__ = ["DRAIN_TIMEOUT", "EndpointRunner"]

START_TIMEOUT: Final = 1.0
"""Seconds for which a start waits for an endpoint with ``on_start = "retry"``."""

DRAIN_TIMEOUT: Final = 0.5
"""Seconds that a stop allows for delivering queued messages, by default."""

CONNECT_GRACE: Final = 2.0
"""Seconds after the time-out of ``connect`` in which it must have noticed its cancellation."""

UNSUBSCRIBE_TIMEOUT: Final = 0.5
"""Seconds that a stop allows for ending subscriptions."""

CANCEL_TIMEOUT: Final = 0.2
"""Seconds that a stop allows for cancelling the delivery in progress."""


class EndpointRunner(SinkSide):
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
        super().__init__(endpoint)
        self.type = type_name
        self.options = options
        self.takes_route = endpoint.route_options_type is not None
        self.backpressure = Backpressure(only_streams=options.policy == "spool")
        """Active while a full queue wants the sources to pause."""
        self.left_alone = False
        """Whether it could not be connected at its start, and is not retried."""
        self.unreachable_errors = 0
        """Calls of :meth:`unreachable`: datagrams that were not accepted, or missing answers."""
        self._task: asyncio.Task[None] | None = None
        self._due: DueTimer | None = None
        self._sampler = LatencySampler(time.monotonic)
        self._connection = EndpointConnection(endpoint, self._log, waits)
        spool = options.spool if options.policy == "spool" else None
        self.is_dry = options.dry
        self._sender = Sender(
            DrySink(endpoint) if options.dry else endpoint,
            self._connection,
            self._log,
            self._drops.count,
            self._sampler,
            one_by_one=options.policy == "latest",
            joins_bundles=endpoint.keeps_bundles and options.policy != "spool",
            max_addresses=options.max_addresses,
            on_poison=None if spool is None else self._keep_in(spool),
        )
        self._tasks = BackgroundTasks(self.name, self._log, self.connection_lost)
        self._connection.on_close = self._tasks.cancel
        self._stalls = StallWatch(options.stall_timeout, time.monotonic, self._log)
        limit = CONNECT_TIMEOUT + CONNECT_GRACE
        self._connecting = StallWatch(limit, time.monotonic, self._log, "connect or close")
        self._disconnects = DisconnectNotifier(endpoint, self._log)
        endpoint.attach(self)

    def _keep_in(self, spool: SpoolBounds) -> Callable[[Deliverable, str], None]:
        """The function that keeps messages which end connections."""
        from oscbridge.bridge.sinks.spool.rejected import RejectedFile  # JSON takes 1 MB

        return RejectedFile(spool.path, self._log).keep

    def notify_peer_disconnected(self, origin: Origin) -> None:
        """Notify the endpoint that a connection ended. From any thread."""
        self._disconnects.notify(origin)

    # --- for the endpoint: its host ----------------------------------------------------------

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

    def flush_reports(self, *, everything: bool = False) -> None:
        """Write overdue summaries; drop expired messages; look whether the send makes progress."""
        if self.queue is not None:
            self.queue.expire()
        if self.options.policy != "block":  # which waits by design
            attempt = self._sender.attempt if self._may_send else None
            self._stalls.look(attempt, self._sender.pending, self._task)
        self._connecting.look(self._connection.attempt, 0, self._task)
        self.flush_logs(everything=everything)

    # --- its lifecycle -----------------------------------------------------------------------

    def open(self) -> None:
        """Accept messages; they wait until it is connected. On the event loop."""
        if self._due is not None:
            return
        loop = asyncio.get_running_loop()
        self._due = DueTimer(self.dispatcher.scheduler, loop)
        if self.endpoint.is_sink():
            reports = (self._drops, self._sampler, self.backpressure, self._log)
            self.queue = make_queue(self.options, self.endpoint, loop, *reports)
            self._is_accepting = True
            self._admit()
            self._sender.deliver_in(self.turn, self.queue)
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
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT):
                await self._connection.tried.wait()

    def _deliver(self) -> None:
        self._task = self._sender.start(self.queue, f"deliver {self.name}")
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

    async def unsubscribe(self) -> None:
        """Let the endpoint receive nothing more, as a stop is about to follow."""
        if not isinstance(self.endpoint, Consuming) or not self._connection.is_open:
            return
        try:
            async with asyncio.timeout(UNSUBSCRIBE_TIMEOUT):
                await self.endpoint.unsubscribe()
        except BaseException as error:
            if is_ending(error):
                raise
            self.endpoint.log.warning("unsubscribe failed: %s", failure_text(error))

    async def drain(self, seconds: float) -> None:
        """Wait until queued messages are delivered, while it is connected."""
        if self.queue is not None and self._connection.is_open and self._may_send:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.queue.join()

    async def stop(self, drain: float = DRAIN_TIMEOUT) -> None:
        """Deliver queued messages within ``drain`` seconds, then close the endpoint."""
        if self._due is None:
            return
        due, self._due = self._due, None
        self._is_accepting = False
        self._admit()
        self._disconnects.close()
        await self.drain(drain)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=CANCEL_TIMEOUT)
        await asyncio.gather(self._close_queue("stopped"), self._connection.close())
        due.close()

    async def _close_queue(self, reason: str) -> None:
        self._is_accepting = False
        self._admit()
        if self.queue is None:
            return
        if lost := self.queue.close(self._sender.end(in_order=self.options.policy == "spool")):
            self._drops.drop(reason, lost)
        if lost := await self.queue.finish():
            self._drops.drop(reason, lost)
        if len(self.queue):
            self.endpoint.log.info("%s kept on disk", several(len(self.queue)))
