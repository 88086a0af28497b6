"""The worker of a forking bridge: ``python -m`` this module, with FD and SUPERVISOR.

A fresh interpreter with one thread, which imports only what its routes need, takes over the
socket that the supervisor has bound, forks for each packet (for each connection over TCP) and
holds no endpoints. Messages that leave the pure steps of the routes go through the socket FD to
the process SUPERVISOR. It ends when that process is gone, as it would otherwise keep the port.
Only where ``os.fork`` exists.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, cast

from oscbridge.bridge.sources.forked.child_cells import ChildCells
from oscbridge.bridge.sources.forked.child_counts import CELLS, WorkerStatistics, size_of_cells
from oscbridge.bridge.sources.forked.ipc_clients import ClientDisconnected
from oscbridge.bridge.sources.forked.ipc_protocol import (
    ChildCount,
    ChildEnd,
    ChildrenEnded,
    CountsRecord,
    WorkerFailed,
    WorkerReady,
)
from oscbridge.bridge.sources.forked.worker_clients import SenderReports
from oscbridge.bridge.sources.forked.worker_dispatch import dispatcher_for
from oscbridge.bridge.sources.forked.worker_ipc import (
    POLL_INTERVAL,
    CountsSender,
    MirrorWriter,
    StopEvent,
    WorkerChannel,
    die_with,
)
from oscbridge.bridge.sources.forked.worker_settings import WorkerSettings
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.statistics import Statistics
from oscbridge.logs.setup import configure_log
from oscbridge.net.allowlist import AllowList
from oscbridge.net.url import OSCURL
from oscbridge.net.waker import Waker
from oscbridge.server.connection_limits import StreamLimits
from oscbridge.server.tcp import ForkingOSCTCPServer
from oscbridge.server.udp_forking import ForkingOSCUDPServer

STOP_TIMEOUT: Final = 0.3
"""Seconds for children to finish when the bridge stops."""

MAX_ENDED: Final = 1_000
"""Ended children in one record."""

FLUSH_INTERVAL: Final = 1.0
"""Seconds between summaries of suppressed log lines."""


class _WorkerServer(ABC):
    """Base of both servers: sends counts, and ends when the supervisor asks for it."""

    channel: WorkerChannel
    mirror: MirrorWriter
    _waker: Waker | None

    def __init__(self, sock: socket.socket, dispatcher: Dispatcher, *args: Any) -> None:
        self._given = sock
        super().__init__(sock.getsockname(), dispatcher, *args, family=sock.family)  # type: ignore[call-arg]

    def server_bind(self) -> None:
        """Replace the new socket by the one that is bound already."""
        server = self._server
        server.socket.close()
        server.socket = self._given
        server.socket.setblocking(False)
        server.socket.set_inheritable(False)  # a program that a function starts must not hold it
        server.server_address = server.socket.getsockname()

    def server_activate(self) -> None:
        return  # it listens already

    def prepare(
        self, channel: WorkerChannel, mirror: MirrorWriter, settings: WorkerSettings
    ) -> None:
        server = self._server
        server.allow = AllowList(settings.allow)
        server.max_children = server.children.limit = settings.workers
        server.stop_timeout = STOP_TIMEOUT
        self.channel, self.mirror = channel, mirror
        self._finish_timeout = settings.finish_timeout
        self._counts = CountsSender(server.dispatcher)
        self._children_sent = 0
        self._ended: list[ChildEnd] = []
        server.children.on_end = self._note_end
        self._flush_at = self._deadline = 0.0
        self._pid = os.getpid()

    @property
    def _server(self) -> ForkingOSCUDPServer | ForkingOSCTCPServer:
        return cast(ForkingOSCUDPServer, self)

    def service_actions(self) -> None:
        server = self._server
        server.children.reap()
        if self._counts.is_due():
            self.send_counts()
            if time.monotonic() > self._flush_at:
                self._flush_at = time.monotonic() + FLUSH_INTERVAL
                server.dispatcher.flush_reports()
        if self.channel.is_stopping:
            if not self._deadline:
                timeout = self._finish_timeout if self.channel.is_retiring else 0.0
                self._deadline = time.monotonic() + timeout
            server.request_shutdown()

    def send_counts(self) -> None:
        """Send the counts since the last call, unless sending would block."""
        send, children = self.channel.try_to_send, self._server.children
        self._counts.send(send)
        self._send_ended(send)
        if len(children) != self._children_sent and send(ChildCount(len(children)).encode()):
            self._children_sent = len(children)

    @abstractmethod
    def _note_end(self, child: int, units: int) -> None:
        """Called after a child has ended; ``units`` as in :meth:`Children.fork`."""

    def _send_ended(self, send: Callable[[bytes], bool]) -> None:
        while batch := tuple(self._ended[:MAX_ENDED]):
            if not send(ChildrenEnded(batch).encode()):
                break
            del self._ended[: len(batch)]
            self._are_reported(batch)

    @abstractmethod
    def _are_reported(self, ended: tuple[ChildEnd, ...]) -> None:
        """Called after the ends of children are reported."""

    def enter_child(self, *sockets: socket.socket) -> None:
        """To be called first in each child. ``sockets`` are those of its client."""
        self.channel.enter_child(self._pid, self._server.children.forked)
        # Close-on-exec is set everywhere; a process that a function forks must not hold the port
        # or the connections either, however long it lives.
        for each in (self._server.socket, self.channel, self.mirror, self._waker, *sockets):
            if each is not None:
                os.register_at_fork(after_in_child=each.close)

    @property
    def time_left(self) -> float:
        """Seconds left to finish accepted messages, once it is stopping."""
        return max(0.0, self._deadline - time.monotonic())

    def finish(self) -> None:
        """Finish accepted messages within the time that is left; count the lost ones."""
        server, scheduler = self._server, self._server.dispatcher.scheduler
        while len(scheduler) and self.time_left:
            time.sleep(scheduler.wait(min(self.time_left, POLL_INTERVAL)))
            scheduler.run_due()
        if waiting := len(scheduler):
            scheduler.clear()
            server.dispatcher.report_dropped("waiting", waiting, "their time tags lie ahead")
        server.stop_timeout = max(STOP_TIMEOUT, self.time_left)
        server.server_close()
        self._counts.send(self.channel.send)
        self._send_ended(self.channel.send)
        server.dispatcher.flush_reports(everything=True)


class _WorkerUDPServer(_WorkerServer, ForkingOSCUDPServer):
    def prepare(
        self, channel: WorkerChannel, mirror: MirrorWriter, settings: WorkerSettings
    ) -> None:
        self._shared = WorkerStatistics(mmap.mmap(settings.counts, CELLS.size))
        self._dispatcher.statistics = self._shared
        super().prepare(channel, mirror, settings)
        self.max_messages_per_child = settings.max_messages_per_child
        if settings.absorbed is not None:
            interval = settings.report_interval
            self.on_batch = SenderReports(self.socket, channel.try_to_send, interval).take

    def get_request(self) -> Any:
        request = super().get_request()
        self._shared.note_reading(True)
        return request

    def _take_one(self) -> bool:
        taken = super()._take_one()
        self._shared.note_reading(False)
        return taken

    def process_request(self, request: Any, client_address: Any) -> None:
        self.mirror.write(request[0], client_address)
        super().process_request(request, client_address)

    def _may_fork(self) -> bool:
        if self._wait_for_child(POLL_INTERVAL):
            return True
        self.service_actions()
        return False

    def _gives_up(self) -> bool:
        return bool(self._deadline) and not self.time_left

    def _note_end(self, child: int, units: int) -> None:
        self._ended.append(ChildEnd(child, units, 0, 0))

    def _are_reported(self, ended: tuple[ChildEnd, ...]) -> None:
        """They have counted nothing themselves."""

    def _count_children(self) -> None:
        """The supervisor does that."""

    def _enter_child(self) -> None:
        self.enter_child()
        super()._enter_child()

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._dispatcher.statistics = Statistics()
        super().finish_request(request, client_address)
        if failed := self._dispatcher.statistics.failed:  # the worker counts the rest
            self.channel.send(CountsRecord({"failed": failed}).encode())


class _WorkerTCPServer(_WorkerServer, ForkingOSCTCPServer):
    def prepare(
        self, channel: WorkerChannel, mirror: MirrorWriter, settings: WorkerSettings
    ) -> None:
        super().prepare(channel, mirror, settings)
        self._cells = ChildCells(mmap.mmap(settings.counts, size_of_cells(settings.workers)))

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._cells.is_full:
            self._send_ended(self.channel.send)
        child = self.children.forked + 1
        self._cells.add(child)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._cells.release([self._cells.end(child)])
            raise

    def _note_end(self, child: int, units: int) -> None:
        self._ended.append(self._cells.end(child))

    def _are_reported(self, ended: tuple[ChildEnd, ...]) -> None:
        self._cells.release(ended)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.enter_child(request)
        self._dispatcher.statistics = self._cells.statistics(self.children.forked)
        counts = CountsSender(self._dispatcher)
        self._stopping = StopEvent(self.channel, counts)
        try:
            super().finish_request(request, client_address)
        finally:
            counts.send(self.channel.send)
            self.channel.send(ClientDisconnected(tuple(client_address)).encode())


def main(descriptor: int, supervisor: int) -> None:
    """Serve until the supervisor asks to stop, or is gone."""
    # The supervisor handles these. And a log line must not suspend a process that runs in the
    # background of its terminal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    die_with(supervisor)
    channel = WorkerChannel(socket.socket(fileno=descriptor), supervisor)
    data = sys.stdin.buffer.read()
    if channel.is_stopping:
        return
    settings = WorkerSettings.decode(data)
    configure_log(settings.log_level, settings.log_form)
    sys.path[:] = settings.path
    sock = socket.socket(fileno=settings.socket)
    try:
        mirror = MirrorWriter(settings.mirror_switch, socket.socket(fileno=settings.mirror_socket))
        server = _server(settings, sock, dispatcher_for(settings, channel, mirror))
    except Exception as error:
        channel.send(WorkerFailed.of(error).encode())
        return
    server.prepare(channel, mirror, settings)
    channel.send(WorkerReady().encode())
    try:
        server.serve_forever(POLL_INTERVAL)
    finally:
        server.finish()


def _server(
    settings: WorkerSettings, sock: socket.socket, dispatcher: Dispatcher
) -> _WorkerUDPServer | _WorkerTCPServer:
    url = OSCURL.parse(settings.listen)
    if url.scheme == "udp":
        return _WorkerUDPServer(sock, dispatcher)
    server = _WorkerTCPServer(sock, dispatcher, url.framing)
    server.limits = StreamLimits(**settings.stream_limits)
    return server


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
