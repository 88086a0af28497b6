"""The process of a forking bridge: ``python -m`` this module, with FD and PARENT.

A fresh interpreter with one thread, which imports only what its routes need, takes over the
socket that the bridge process has bound, forks for each packet (for each connection over
TCP) and holds no endpoint. What comes out of the routes goes to the bridge process, PARENT,
through the socket FD. It ends when the bridge process is gone: or else it would keep the
port. Only where there is ``os.fork``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from typing import Any, Final, cast

from oscbridge.bridge.routes.pure_steps import RouteSpec
from oscbridge.bridge.sources.forked.ipc_protocol import (
    Alive,
    Counted,
    DroppedRecord,
    Failed,
    Left,
    Ready,
)
from oscbridge.bridge.sources.forked.worker_ipc import (
    POLL_INTERVAL,
    Counts,
    Looking,
    RouteHandler,
    Showing,
    WorkerChannel,
    die_with,
)
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress, Reply
from oscbridge.dispatch.scheduler import Scheduler
from oscbridge.dispatch.statistics import Statistics
from oscbridge.logs.setup import configure_log
from oscbridge.net.allowlist import AllowList
from oscbridge.net.url import OSCURL
from oscbridge.osc import Limits
from oscbridge.server.connection_limits import StreamLimits
from oscbridge.server.tcp import ForkingOSCTCPServer
from oscbridge.server.udp import ForkingOSCUDPServer

STOP_TIMEOUT: Final = 0.3
"""Seconds that children are given to finish when the bridge stops."""

FLUSH_INTERVAL: Final = 1.0
"""Seconds between looks at what was counted and is to be told in the log."""


class _Server:
    """What both servers have in common: they count, and end when the bridge process says so."""

    link: WorkerChannel
    showing: Showing

    def __init__(self, sock: socket.socket, dispatcher: Dispatcher, *args: Any) -> None:
        self._given = sock
        super().__init__(sock.getsockname(), dispatcher, *args, family=sock.family)  # type: ignore[call-arg]

    def server_bind(self) -> None:
        """Take over the socket that is bound already, in place of the one that was made."""
        server = self._server
        server.socket.close()
        server.socket = self._given
        server.socket.setblocking(False)
        server.socket.set_inheritable(False)  # what a route's function starts must not hold it
        server.server_address = server.socket.getsockname()

    def server_activate(self) -> None:
        """It listens already."""

    def prepare(self, link: WorkerChannel, showing: Showing, settings: dict[str, Any]) -> None:
        server = self._server
        server.allow = AllowList(settings["allow"])
        server.children.limit = settings["workers"]
        server.stop_timeout = STOP_TIMEOUT
        self.link, self.showing = link, showing
        self._finish: float = settings["finish"]
        self._counts = Counts(server.dispatcher)
        self._lost = self._alive = 0
        self._flush_at = self._deadline = 0.0
        self._pid = os.getpid()

    @property
    def _server(self) -> ForkingOSCUDPServer | ForkingOSCTCPServer:
        return cast(ForkingOSCUDPServer, self)

    def service_actions(self) -> None:
        server = self._server
        server.children.reap()
        if self._counts.due():
            self.send_counts()
            if time.monotonic() > self._flush_at:
                self._flush_at = time.monotonic() + FLUSH_INTERVAL
                server.dispatcher.flush_reports()
        if self.link.over:
            if not self._deadline:
                patience = self._finish if self.link.retired else 0.0
                self._deadline = time.monotonic() + patience
            server.request_shutdown()

    def send_counts(self) -> None:
        """Say what was counted since the last time, unless that would have to wait."""
        send, children = self.link.try_to_send, self._server.children
        self._counts.send(send)
        lost = children.failed - self._lost
        if lost and send(DroppedRecord("child", lost).encode()):
            self._lost += lost
        if len(children) != self._alive and send(Alive(len(children)).encode()):
            self._alive = len(children)

    @property
    def time_left(self) -> float:
        """Seconds to finish what was taken in; it takes in nothing more. 0 if there are none."""
        return max(0.0, self._deadline - time.monotonic())

    def finish(self) -> None:
        """End what was taken in, within the time that is left, and count what is lost."""
        server, scheduler = self._server, self._server.dispatcher.scheduler
        while len(scheduler) and self.time_left:
            time.sleep(scheduler.wait(min(self.time_left, POLL_INTERVAL)))
            scheduler.run_due()
        if len(scheduler):
            self.link.send(DroppedRecord("waiting", len(scheduler)).encode())
        server.stop_timeout = max(STOP_TIMEOUT, self.time_left)
        server.server_close()
        self.send_counts()
        server.dispatcher.flush_reports(everything=True)


class _UDPServer(_Server, ForkingOSCUDPServer):
    def process_request(self, request: Any, client_address: Any) -> None:
        self.showing.show(request[0], client_address)
        super().process_request(request, client_address)

    def _fork(self, sock: socket.socket, client: Any, packet: bytes) -> None:
        while not self.children.wait_below_limit(POLL_INTERVAL):
            self.service_actions()
            if self._deadline and not self.time_left:
                self.link.send(DroppedRecord("stopped", 1).encode())
                return
        super()._fork(sock, client, packet)

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.link.be_child(self._pid)
        self._dispatcher.statistics = Statistics()
        super().finish_request(request, client_address)
        failed = self._dispatcher.statistics.failed  # the rest was counted before the fork
        if failed:
            self.link.send(Counted({"failed": failed}).encode())


class _TCPServer(_Server, ForkingOSCTCPServer):
    def finish_request(self, request: Any, client_address: Any) -> None:
        self.link.be_child(self._pid)
        self._dispatcher.statistics = Statistics()
        counts = Counts(self._dispatcher)
        self._stopping = Looking(self.link, counts)
        try:
            super().finish_request(request, client_address)
        finally:
            counts.send(self.link.send)
            self.link.send(Left(tuple(client_address)).encode())


class _ShowingDispatcher(Dispatcher):
    """Shows the packets that a connection brings."""

    showing: Showing

    def dispatch(self, data: bytes, client_address: ClientAddress, reply: Reply) -> None:
        self.showing.show(data, client_address)
        super().dispatch(data, client_address, reply)


def main(descriptor: int, parent: int) -> None:
    """Serve until the bridge process says stop, or is gone."""
    # They are for the bridge process, which says what is to be done. And a log line must
    # not stop a process in the background of its terminal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    die_with(parent)
    link = WorkerChannel(socket.socket(fileno=descriptor), parent)
    text = sys.stdin.buffer.read()
    if link.over:
        return
    settings = json.loads(text)
    configure_log(settings["level"], settings["form"])
    sys.path[:] = settings["path"]
    sock = socket.socket(fileno=settings["socket"])
    try:
        showing = Showing(settings["switch"], socket.socket(fileno=settings["seen"]))
        server = _server(settings, sock, _dispatcher(settings, link, showing))
    except Exception as error:
        link.send(Failed.of(error).encode())
        return
    server.prepare(link, showing, settings)
    link.send(Ready().encode())
    try:
        server.serve_forever(POLL_INTERVAL)
    finally:
        server.finish()


def _dispatcher(settings: dict[str, Any], link: WorkerChannel, showing: Showing) -> Dispatcher:
    """Raises ``ValueError`` for a route that cannot be made."""
    udp = OSCURL.parse(settings["listen"]).scheme == "udp"  # there the server shows packets
    dispatcher = (Dispatcher if udp else _ShowingDispatcher)(
        name=settings["name"],
        limits=Limits(**settings["packet_limits"]),
        scheduler=Scheduler(**settings["scheduler"]),
        max_route_calls=settings["max_route_calls"],
    )
    dispatcher.part = f"bridge.{dispatcher.name}"
    if isinstance(dispatcher, _ShowingDispatcher):
        dispatcher.showing = showing
    for number, spec in enumerate(settings["routes"]):
        route = RouteSpec.from_dict(spec)
        dispatcher.map(route.match, RouteHandler(number, route, link))
    if settings["plugins"]:
        dispatcher.map("*", RouteHandler(-1, RouteSpec(), link))
    return dispatcher


def _server(
    settings: dict[str, Any], sock: socket.socket, dispatcher: Dispatcher
) -> _UDPServer | _TCPServer:
    url = OSCURL.parse(settings["listen"])
    if url.scheme == "udp":
        return _UDPServer(sock, dispatcher)
    server = _TCPServer(sock, dispatcher, url.framing)
    server.limits = StreamLimits(**settings["stream_limits"])
    return server


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
