"""The process of a forking bridge: ``python -m`` this module, with FD and PARENT.

A fresh interpreter with one thread, which imports only what its routes need, binds the
socket, forks for each packet (for each connection over TCP) and holds no endpoint. What
comes out of the routes goes to the bridge process, PARENT, through the socket FD. It ends
when the bridge process is gone: or else it would keep the port. Only where there is
``os.fork``.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from traceback import format_exception
from typing import Any, Final, cast

from oscbridge.bridge.listeners.records import (
    MAX_RECORD,
    Counted,
    Dropped,
    Emission,
    Failed,
    Ready,
    counts_of,
)
from oscbridge.bridge.routes.steps import RouteSpec, Steps
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import EncodeError
from oscbridge.log import configure_log
from oscbridge.osc import Message
from oscbridge.osc_server import ForkingOSCUDPServer
from oscbridge.osc_tcp_server import ForkingOSCTCPServer
from oscbridge.statistics import Statistics
from oscbridge.url import OSCURL

POLL_INTERVAL: Final = 0.1
"""Seconds within which the end of the bridge process is noticed, and counts are sent."""

STOP_TIMEOUT: Final = 0.3
"""Seconds that children are given to finish."""

_PR_SET_PDEATHSIG: Final = 1


class Link:
    """The way to the bridge process."""

    def __init__(self, sock: socket.socket, parent: int) -> None:
        sock.setblocking(True)
        sock.set_inheritable(False)  # what a route's function starts must not hold it
        self._sock = sock
        self._parent = parent

    def send(self, record: bytes) -> bool:
        """Send a record; waits while the bridge process is behind. Ends if it is gone."""
        while True:
            try:
                self._sock.send(record)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    record = _OVERSIZE
                elif error.errno == errno.ENOBUFS:
                    time.sleep(0.001)  # what macOS says instead of waiting
                else:
                    raise SystemExit(0) from None
            else:
                return True

    def try_to_send(self, record: bytes) -> bool:
        """Send a record if that can be done at once."""
        try:
            self._sock.send(record, socket.MSG_DONTWAIT)
        except OSError:
            return False
        return True

    @property
    def over(self) -> bool:
        """Whether the bridge process has said stop, or is gone."""
        try:
            self._sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return os.getppid() != self._parent
        except OSError:
            pass
        return True

    def be_child(self, listener: int) -> None:
        """To be called in a child of the listener process first."""
        self._parent = listener
        die_with(listener)


class Counts:
    """What a dispatcher counts, on its way to the bridge process."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._sent = counts_of(dispatcher.statistics)
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time to send them again: not with every message."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + POLL_INTERVAL
        return True

    def send(self, send: Callable[[bytes], bool]) -> None:
        """Send what is new; if that cannot be, it stays new."""
        now = counts_of(self._dispatcher.statistics)
        new = now - self._sent
        if new and send(Counted(new).encode()):
            self._sent = now


class RouteHandler:
    """One route, as a handler of the dispatcher."""

    def __init__(self, number: int, spec: RouteSpec, link: Link) -> None:
        self._number = number
        self._steps = Steps(spec, self._dropped)
        self._link = link

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], object] | None:
        def send(message: Message) -> None:
            self._link.send(record_of(Emission(self._number, message, captures)))

        return self._steps.bind(address, types, captures, send)

    def _dropped(self, reason: str, text: str, error: BaseException | None) -> None:
        # Told there, at a bounded rate: each child would be the first to tell it.
        if error is not None:
            text = "\n".join((text, *format_exception(error))).rstrip()
        self._link.send(Dropped(reason, 1, text).encode())


def record_of(emission: Emission) -> bytes:
    """The record of an emission, or of why there is none."""
    try:
        data = emission.encode()
    except EncodeError:
        return Dropped("encode", 1).encode()
    return data if len(data) <= MAX_RECORD else _OVERSIZE


_OVERSIZE: Final = Dropped("oversize", 1).encode()


def die_with(parent: int) -> None:
    """Have the system end this process when its parent ends (Linux)."""
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it was too late
            os._exit(1)


_prctl: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class _Server:
    """What both servers have in common: they count, and end when the bridge process says so."""

    link: Link

    def prepare(self, link: Link, workers: int) -> None:
        server = self._server
        server.children.limit = workers
        server.stop_timeout = STOP_TIMEOUT
        self.link = link
        self._counts = Counts(server.dispatcher)
        self._lost = 0
        self._pid = os.getpid()

    @property
    def _server(self) -> ForkingOSCUDPServer | ForkingOSCTCPServer:
        return cast(ForkingOSCUDPServer, self)

    def service_actions(self) -> None:
        server = self._server
        server.children.reap()
        if self._counts.due():
            self.send_counts()
        if self.link.over:
            server.request_shutdown()

    def send_counts(self) -> None:
        """Say what was counted since the last time, unless that would have to wait."""
        self._counts.send(self.link.try_to_send)
        lost = self._server.children.failed - self._lost
        if lost and self.link.try_to_send(Dropped("child", lost).encode()):
            self._lost += lost


class _UDPServer(_Server, ForkingOSCUDPServer):
    def _fork(self, sock: socket.socket, client: Any, packet: bytes) -> None:
        while not self.children.wait_below_limit(POLL_INTERVAL):
            self.service_actions()
            if self._stopping.is_set():
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
        self._stopping = _Looking(self.link, counts)
        try:
            super().finish_request(request, client_address)
        finally:
            counts.send(self.link.send)


class _Looking(threading.Event):
    """Is set when the bridge process says stop. To look also sends what was counted."""

    def __init__(self, link: Link, counts: Counts) -> None:
        super().__init__()
        self._link = link
        self._counts = counts

    def is_set(self) -> bool:
        if self._counts.due():
            self._counts.send(self._link.try_to_send)
            if self._link.over:
                self.set()
        return super().is_set()


def main(descriptor: int, parent: int) -> None:
    """Serve until the bridge process says stop, or is gone."""
    # They are for the bridge process, which says what is to be done. And a log line must
    # not stop a process in the background of its terminal.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    die_with(parent)
    link = Link(socket.socket(fileno=descriptor), parent)
    text = sys.stdin.buffer.read()
    if link.over:
        return
    settings = json.loads(text)
    configure_log(settings["level"])
    sys.path[:] = settings["path"]
    try:
        server = _listen(settings, _dispatcher(settings, link))
    except Exception as error:
        link.send(Failed.of(error).encode())
        return
    server.prepare(link, settings["workers"])
    link.send(Ready(server.server_address[1]).encode())
    try:
        server.serve_forever(POLL_INTERVAL)
    finally:
        server.server_close()
        server.send_counts()


def _dispatcher(settings: dict[str, Any], link: Link) -> Dispatcher:
    """Raises ``ValueError`` for a route that cannot be made."""
    dispatcher = Dispatcher(name=settings["name"])
    for number, spec in enumerate(settings["routes"]):
        route = RouteSpec.from_dict(spec)
        dispatcher.map(route.match, RouteHandler(number, route, link))
    if settings["plugins"]:
        dispatcher.map("*", RouteHandler(-1, RouteSpec(), link))
    return dispatcher


def _listen(settings: dict[str, Any], dispatcher: Dispatcher) -> _UDPServer | _TCPServer:
    """Raises ``OSError``."""
    url = OSCURL.parse(settings["listen"])
    if url.scheme == "udp":
        _UDPServer.multicast_interface = settings["interface"]
        return _UDPServer((url.host, url.port), dispatcher)
    return _TCPServer((url.host, url.port), dispatcher, url.framing)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
