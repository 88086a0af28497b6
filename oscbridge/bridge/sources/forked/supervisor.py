"""The bridge process's side of a forking bridge: it keeps a worker running."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sources.bind import bound_socket
from oscbridge.bridge.sources.forked.child_counts import add_record
from oscbridge.bridge.sources.forked.client_records import take_client_record
from oscbridge.bridge.sources.forked.counted_message import dispatch_counted, screened
from oscbridge.bridge.sources.forked.ipc_protocol import (
    CountsRecord,
    DroppedRecord,
    Emission,
    MessagesLost,
    ReceivedPacket,
    RouteCountsRecord,
    route_at,
)
from oscbridge.bridge.sources.forked.mirror import TrafficMirror
from oscbridge.bridge.sources.forked.worker_process import WorkerProcess, WorkerReport
from oscbridge.bridge.sources.forked.worker_setup import WHY, WorkerTask, settings_for
from oscbridge.bridge.sources.kernel_drops import KernelDrops
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.errors import MessageDropped
from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["ForkingListener"]

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 10.0
"""Seconds before a worker that died is replaced; doubled each time."""

_log: Final = logging.getLogger(__name__)


class ForkingListener:
    """Keeps a worker running, and delivers the messages that leave its routes.

    The socket belongs to the bridge process, so packets that arrive while there is no worker, or
    while one replaces another, wait in it. If the worker dies, :attr:`problem` says so until
    another one listens. The worker's counts are added to the dispatcher's statistics.
    """

    def __init__(
        self,
        name: str,
        options: BridgeOptions,
        dispatcher: Dispatcher,
        routes: Sequence[Route],
    ) -> None:
        self.address, self.threads = options.listen, 0
        self.problem = "not started"
        self._name = name
        self._options = options
        self._dispatcher = dispatcher
        self._routes = list(routes)
        self._worker_task: WorkerTask | None = None
        self._reporter = RateLimitedLog(_log)
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._drops: KernelDrops | None = None
        self.clients: UDPClientLink | None = None
        """Over UDP."""
        self._mirror: TrafficMirror | None = None
        self._due: DueTimer | None = None
        """For messages that were scheduled before the bridge became a forking one."""
        self._worker: WorkerProcess | None = None
        self._retiring: WorkerProcess | None = None
        self._watching: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._paused = False
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The process ID of the worker, if there is one."""
        return None if self._worker is None else self._worker.pid

    @property
    def drops(self) -> Mapping[str, int]:
        """Messages dropped before the routes, those of earlier listeners included, by reason."""
        return self._dispatcher.statistics.dropped

    @property
    def children(self) -> int:
        return sum(each.children for each in self._workers)

    @property
    def connections(self) -> int:
        """TCP clients now: each has a process."""
        return 0 if self.address.scheme == "udp" else self.children

    @property
    def _workers(self) -> list[WorkerProcess]:
        return [each for each in (self._worker, self._retiring) if each is not None]

    async def start(self) -> None:
        """Bind, start the worker and wait until it listens. Raises ``OSError``."""
        try:
            listen = self._options.listen
            self._socket = await bound_socket(listen, self._options.interface)
            self.address = listen._replace(port=self._socket.getsockname()[1])
            if listen.scheme == "udp":
                self._drops = KernelDrops(self._socket, self._dispatcher)
                self.clients = UDPClientLink(self._socket, self._options.allow)
                self.clients.serve(self._options.clients, None)
            self._mirror = TrafficMirror(self._show)
            self._due = DueTimer(self._dispatcher.scheduler, self._loop)
            self._worker = await self._spawn(self._routes)
        except BaseException:
            self._close()
            raise
        self.problem = ""
        self._start_watching()

    async def stop(self) -> bool:
        """Let the children finish, within a time-out, and end the worker."""
        self._stopped = True
        if self.clients is not None:
            self.clients.close()
        await self._stop_watching()
        self._paused = False
        workers = self._workers
        in_time = await asyncio.gather(*(each.end() for each in workers))
        self._count_lost(*workers)
        self._close()
        return all(in_time)

    def pause(self, on: bool) -> None:
        """Stop reading from the workers: their children wait, then the UDP socket fills."""
        self._paused = on
        for worker in self._workers:
            worker.pause(on)

    def watch(self, on: bool) -> None:
        if self._mirror is not None:
            self._mirror.watch(on)

    def update_counts(self) -> None:
        if self._drops is not None:
            self._drops.update()

    def flush_reports(self, *, everything: bool = False) -> None:
        if self._drops is not None:
            self._drops.flush_reports(everything=everything)
        self._reporter.flush(everything=everything)

    async def reroute(self, routes: Sequence[Route]) -> None:
        """Use other routes from now on, without losing a message.

        If only their stateful steps or endpoints have changed, the worker keeps running.
        Otherwise a second worker starts on the same socket. Once it listens, the first one
        accepts nothing more; its children finish, within a time-out, with the old routes, which
        must last until this returns. TCP connections of the first worker end: clients connect
        again. Raises ``OSError`` if the second cannot listen: then the first keeps running.
        """
        async with self._changing:
            if self._is_same_work(routes):
                self._routes[:] = routes
                return
            await self._stop_watching()
            new = list(routes)
            try:
                worker = await self._spawn(new)
            except BaseException:
                if not self._stopped:
                    self._start_watching()
                raise
            self._retiring, self._worker, self._routes = self._worker, worker, new
            self.problem = ""
            self._start_watching()
            if self._retiring is not None:
                await self._retiring.retire()
                self._count_lost(self._retiring)
                self._retiring = None

    # --- the worker --------------------------------------------------------------------------

    def _is_same_work(self, routes: Sequence[Route]) -> bool:
        """Whether the running worker does what one with these routes would do."""
        new, old = (
            json.dumps([route.config.pure() for route in each])  # in which 1 is not 1.0
            for each in (routes, self._routes)
        )
        return new == old and self._task() == self._worker_task

    def _task(self) -> WorkerTask:
        """What a worker does beside the routes."""
        options = None if self.clients is None else self.clients.options
        return WorkerTask.of(self._dispatcher.is_mapped, options)

    async def _spawn(self, routes: Sequence[Route]) -> WorkerProcess:
        """A worker that listens. Raises ``OSError``."""
        sock, mirror = self._socket, self._mirror
        if sock is None or mirror is None:
            raise OSError(_STOPPED)
        descriptors = (sock.fileno(), *mirror.descriptors)
        task = self._task()
        settings = settings_for(self._name, self.address, self._options, routes, task, descriptors)
        worker = WorkerProcess(partial(self._take, routes))
        await worker.start(settings, descriptors)
        if self._stopped:  # meanwhile
            await worker.end()
            raise OSError(_STOPPED)
        self._worker_task = task
        worker.pause(self._paused)
        return worker

    def _start_watching(self) -> None:
        self._watching = self._loop.create_task(self._replace(), name=f"bridge.{self._name}")

    async def _stop_watching(self) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _replace(self) -> None:
        """Replace the worker whenever it dies."""
        wait = FIRST_WAIT
        while True:
            if self._worker is not None:
                began = self._loop.time()
                self.problem = f"its worker {await self._worker.wait()}"
                _log.error("bridge.%s: %s; starting another", self._name, self.problem)
                if self._loop.time() - began > LONGEST_WAIT:
                    wait = FIRST_WAIT
                await self._worker.end()
                self._count_lost(self._worker)
                self._worker = None
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                self._worker = await self._spawn(self._routes)
            except Exception as error:
                self.problem = f"no worker: {error}"
                self._reporter.report("spawn", f"bridge.{self._name}: {self.problem}")
            else:
                self.problem = ""
                _log.info("bridge.%s: listening again on %s", self._name, self.address)

    def _close(self) -> None:
        self.update_counts()
        self._worker = self._retiring = None
        for part in (self._due, self._socket, self._mirror):
            if part is not None:
                part.close()
        self._due = self._socket = self._mirror = None

    # --- its reports -------------------------------------------------------------------------

    def _take(self, routes: Sequence[Route], report: WorkerReport) -> None:
        """Raises :class:`DecodeError` for a report that makes no sense."""
        match report:
            case Emission():
                self._deliver(routes, report)
            case DroppedRecord():
                self._dropped(routes, report)
            case RouteCountsRecord():
                route_at(routes, report.route).add_counts(report.passed, report.filtered)
            case CountsRecord():
                add_record(self._dispatcher, report)
            case MessagesLost(count):
                self._dispatcher.report_dropped("child", count, WHY["child"])
            case client_record:
                take_client_record(client_record, self._dispatcher, self.clients)

    def _dropped(self, routes: Sequence[Route], record: DroppedRecord) -> None:
        reason, count, text, route = record
        why, _, detail = (text or WHY.get(reason, reason)).partition("\n")
        place = f"bridge.{self._name}"
        if 0 <= route < len(routes):
            routes[route].count_dropped(reason, count, why)
            place = routes[route].name
        elif reason == "record":
            self._dispatcher.statistics.bad[reason] += count
        else:  # a route of a plugin
            self._dispatcher.statistics.failed += count
            self._dispatcher.last_failure = why
        level = logging.ERROR if reason == "function" else logging.WARNING
        messages = "message" if count == 1 else "messages"
        text = f"{place}: {count} {messages} lost: {why}"
        self._reporter.report(reason, text, level=level, detail=detail, count=count)

    def _count_lost(self, *workers: WorkerProcess) -> None:
        """Count the messages of workers that have ended before they reported or handled them."""
        for worker in workers:
            if (held := worker.statistics.held) > 0:
                self._dispatcher.report_dropped("worker", held, WHY["worker"])
            self._dispatcher.statistics.messages -= min(held, 0)  # its children reported them

    def _deliver(self, routes: Sequence[Route], emission: Emission) -> None:
        number, message, captures, digest = emission
        try:
            message = screened(self._dispatcher, message, digest)
        except MessageDropped as error:
            self._dropped(routes, DroppedRecord(error.reason, 1, str(error), number))
            return
        if number >= 0:
            route_at(routes, number).take(message, captures)
        else:
            dispatch_counted(self._dispatcher, message)

    def _show(self, packet: ReceivedPacket) -> None:
        self._dispatcher.seen(packet.data, (packet.host, packet.port))


_STOPPED: Final = "the bridge has stopped"
