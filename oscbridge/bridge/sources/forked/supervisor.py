"""The bridge process's side of a forking bridge: it keeps a listener process running."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Final, NamedTuple, cast

from oscbridge.bridge.config.models import BridgeOptions
from oscbridge.bridge.routes.pure_steps import RouteSpec
from oscbridge.bridge.routes.route import StatefulSteps
from oscbridge.bridge.sources.bind import bound_socket
from oscbridge.bridge.sources.forked.ipc_protocol import (
    MAX_RECORD,
    Counted,
    DroppedRecord,
    Emission,
    Left,
    Seen,
    add_counts,
)
from oscbridge.bridge.sources.forked.mirror import TrafficMirror
from oscbridge.bridge.sources.forked.worker_process import News, WorkerProcess
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.errors import DecodeError
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.logs.setup import log_form

__all__ = ["ForkingListener", "RoutePair"]

_STOPPED: Final = "the bridge has stopped"

FIRST_WAIT: Final = 0.2
LONGEST_WAIT: Final = 10.0
"""Seconds before a listener process that died is replaced; doubled each time."""

_log: Final = logging.getLogger(__name__)


class RoutePair(NamedTuple):
    """A route in its two halves: what the children run, and what the bridge process does."""

    spec: RouteSpec
    tail: StatefulSteps


class ForkingListener:
    """Keeps a listener process running, and takes in what comes out of its routes.

    The socket belongs to the bridge process, so what arrives while there is no listener
    process, or while one takes the place of another, waits in it. If the process dies,
    :attr:`problem` says so until another listens. What is counted there is added to the
    dispatcher's statistics here.
    """

    def __init__(
        self,
        name: str,
        options: BridgeOptions,
        dispatcher: Dispatcher,
        routes: Sequence[RoutePair],
    ) -> None:
        self.address = options.listen
        self.problem = "not started"
        self.threads = 0
        self._name = name
        self._options = options
        self._dispatcher = dispatcher
        self._routes = list(routes)
        self._has_plugins = False
        self._reporter = RateLimitedLog(_log)
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._tap: TrafficMirror | None = None
        self._due: DueTimer | None = None
        """For what waited for its time before the bridge became a forking one."""
        self._process: WorkerProcess | None = None
        self._retiring: WorkerProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._paused = False
        self._stopped = False

    @property
    def pid(self) -> int | None:
        """The listener process, if there is one."""
        return None if self._process is None else self._process.pid

    @property
    def drops(self) -> Mapping[str, int]:
        """Messages that did not come through, by reason; with those of listeners before it."""
        return self._dispatcher.statistics.dropped

    @property
    def children(self) -> int:
        """Processes that handle packets or connections now."""
        return sum(each.children for each in (self._process, self._retiring) if each is not None)

    @property
    def connections(self) -> int:
        """TCP clients now: each has a process."""
        return 0 if self.address.scheme == "udp" else self.children

    async def start(self) -> None:
        """Bind, start the process and wait until it listens. Raises ``OSError``."""
        try:
            listen = self._options.listen
            self._socket = await bound_socket(listen, self._options.interface)
            self.address = listen._replace(port=self._socket.getsockname()[1])
            self._tap = TrafficMirror(self._show)
            self._due = DueTimer(self._dispatcher.scheduler, self._loop)
            self._process = await self._spawn(self._routes)
        except BaseException:
            self._close()
            raise
        self.problem = ""
        self._keep(True)

    async def stop(self) -> bool:
        """Have the children finish, within a time-out, and end the process."""
        self._stopped = True
        await self._keep_not()
        self._paused = False
        left = [each for each in (self._process, self._retiring) if each is not None]
        in_time = await asyncio.gather(*(each.end() for each in left))
        self._close()
        return all(in_time)

    def pause(self, on: bool) -> None:
        """Leave what comes in the links: the children wait, then the socket fills."""
        self._paused = on
        for process in (self._process, self._retiring):
            if process is not None:
                process.pause(on)

    def watch(self, on: bool) -> None:
        """Hand each packet that is taken in to ``Dispatcher.seen``, or no more."""
        if self._tap is not None:
            self._tap.watch(on)

    def flush_reports(self, *, everything: bool = False) -> None:
        """Tell in the log what was counted and is overdue; at the end, everything."""
        self._reporter.flush(everything=everything)

    async def reroute(self, routes: Sequence[RoutePair]) -> None:
        """Take in what comes from now on by other routes, and lose nothing meanwhile.

        Where only what the bridge process does has changed, nothing else happens. Else a
        second process starts on the same socket. Once it listens, the first takes nothing
        more in; its children finish, within a time-out, by the old routes, which must last
        until this returns. TCP connections of the first process end: clients connect again.
        Raises ``OSError`` if the second cannot listen: then the first goes on.
        """
        async with self._changing:
            if self._does_the_same(routes):
                self._routes[:] = routes
                return
            await self._keep_not()
            new = list(routes)
            try:
                process = await self._spawn(new)
            except BaseException:
                self._keep(not self._stopped)
                raise
            self._retiring, self._process, self._routes = self._process, process, new
            self.problem = ""
            self._keep(True)
            if self._retiring is not None:
                await self._retiring.retire()
                self._retiring = None

    # --- the process -------------------------------------------------------------------------

    def _does_the_same(self, routes: Sequence[RoutePair]) -> bool:
        """Whether the process that runs does what one with these routes would do."""
        specs, known = ([pair.spec for pair in each] for each in (routes, self._routes))
        return specs == known and self._dispatcher.is_mapped == self._has_plugins

    async def _spawn(self, routes: Sequence[RoutePair]) -> WorkerProcess:
        """A process that listens. Raises ``OSError``."""
        sock, tap = self._socket, self._tap
        if sock is None or tap is None:
            raise OSError(_STOPPED)
        has_plugins = self._dispatcher.is_mapped
        process = WorkerProcess(partial(self._take, routes))
        inherited = (sock.fileno(), *tap.descriptors)
        await process.start(self._settings(routes, has_plugins, *inherited), inherited)
        if self._stopped:  # meanwhile
            await process.end()
            raise OSError(_STOPPED)
        self._has_plugins = has_plugins
        process.pause(self._paused)
        return process

    def _settings(
        self, routes: Sequence[RoutePair], has_plugins: bool, sock: int, switch: int, seen: int
    ) -> dict[str, object]:
        options, limits = self._options, self._options.limits
        return {
            "name": self._name,
            "listen": str(self.address),
            "socket": sock,
            "switch": switch,
            "seen": seen,
            "allow": list(options.allow),
            "workers": options.workers,
            "packet_limits": asdict(limits.packet_limits()),
            "stream_limits": asdict(limits.stream_limits()),
            "max_route_calls": limits.max_route_calls,
            "scheduler": {"max_pending": limits.max_pending, "horizon": limits.horizon,
                          "too_early": limits.too_early},
            "routes": [pair.spec.as_dict() for pair in routes],
            "plugins": has_plugins,
            "path": sys.path,
            "level": _log.getEffectiveLevel(),
            "form": log_form(),
        }  # fmt: skip

    def _keep(self, on: bool) -> None:
        if on:
            self._keeper = self._loop.create_task(self._replace(), name=f"bridge.{self._name}")

    async def _keep_not(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _replace(self) -> None:
        """Replace the process whenever it dies."""
        wait = FIRST_WAIT
        while True:
            if self._process is not None:
                began = self._loop.time()
                self.problem = f"its listener process {await self._process.wait()}"
                _log.error("bridge.%s: %s; starting another", self._name, self.problem)
                if self._loop.time() - began > LONGEST_WAIT:
                    wait = FIRST_WAIT
                await self._process.end()
                self._process = None
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                self._process = await self._spawn(self._routes)
            except Exception as error:
                self.problem = f"no listener process: {error}"
                self._reporter.report("spawn", f"bridge.{self._name}: {self.problem}")
            else:
                self.problem = ""
                _log.info("bridge.%s: listens again on %s", self._name, self.address)

    def _close(self) -> None:
        self._process = self._retiring = None
        sock, self._socket = self._socket, None
        tap, self._tap = self._tap, None
        due, self._due = self._due, None
        if due is not None:
            due.close()
        if sock is not None:
            sock.close()
        if tap is not None:
            tap.close()

    # --- what it says ------------------------------------------------------------------------

    def _take(self, routes: Sequence[RoutePair], news: News) -> None:
        """Raises :class:`DecodeError` for what says nothing."""
        match news:
            case Emission():
                self._deliver(routes, news)
            case DroppedRecord(reason, count, text):
                self._dropped(reason, count, text or _WHY.get(reason, reason))
            case Counted(counts):
                add_counts(self._dispatcher.statistics, counts)
            case Left(client):
                self._dispatcher.client_disconnected(cast(ClientAddress, client))

    def _dropped(self, reason: str, count: int, why: str) -> None:
        self._dispatcher.statistics.dropped[reason] += count
        messages = "1 message" if count == 1 else f"{count} messages"
        level = logging.ERROR if reason == "function" else logging.WARNING
        why, _, detail = why.partition("\n")
        text = f"bridge.{self._name}: {messages} lost: {why}"
        self._reporter.report(reason, text, level=level, detail=detail, count=count)

    def _deliver(self, routes: Sequence[RoutePair], emission: Emission) -> None:
        number, message, captures = emission
        if number >= 0:
            if number >= len(routes):
                raise DecodeError("record", f"there is no route {number}")
            routes[number].tail.out(captures)(message)
            return
        peer = None if message.origin is None else message.origin.peer
        client = cast(ClientAddress, peer if isinstance(peer, tuple) else ("", 0))
        statistics = self._dispatcher.statistics
        counted = statistics.messages, statistics.unmatched  # there already
        self._dispatcher.dispatch_message(message, client, _no_reply)
        statistics.messages, statistics.unmatched = counted

    def _show(self, seen: Seen) -> None:
        self._dispatcher.seen(seen.data, (seen.host, seen.port))


_WHY: Final = {
    "child": "the process that handled it ended before its time",
    "encode": "what a route made of it cannot be encoded",
    "oversize": f"what a route made of it is larger than {MAX_RECORD} bytes",
    "stopped": "no process was free before the end",
    "waiting": "it waited for its time tag when the process that took it in ended",
}
"""Reasons to drop messages, in words."""


def _no_reply(_client: object, _result: object) -> None:
    """The child that could answer is gone."""
