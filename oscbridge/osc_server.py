"""OSC servers over UDP. The class names say how handlers run.

Names, signatures and behaviour are those of the python-osc documentation. All servers read
until the socket would block, not once a poll, and hand every packet to
:meth:`oscbridge.dispatcher.Dispatcher.dispatch`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import selectors
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias, cast

from oscbridge.datagram import (
    LONGEST_WAIT,
    DispatchingProtocol,
    DrainingTransport,
    open_socket,
    prepare,
    send_reply,
)
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import DecodeError
from oscbridge.handler import ClientAddress, Reply
from oscbridge.leader_followers import LeaderFollowers
from oscbridge.receive import MAX_DATAGRAM, receiver
from oscbridge.scheduler import run_all

__all__ = [
    "AsyncIOOSCUDPServer",
    "BlockingOSCUDPServer",
    "OSCUDPServer",
    "ThreadingOSCUDPServer",
]

_Request: TypeAlias = tuple[bytes, socket.socket]
_Take: TypeAlias = Callable[[bytes, ClientAddress, Reply], None]

_log: Final = logging.getLogger(__name__)


def looks_like_osc(data: bytes) -> bool:
    """Whether the first bytes are those of a message or a bundle."""
    return data.startswith((b"/", b"#bundle\0"))


def _family(server_address: tuple[str, int]) -> socket.AddressFamily:
    """The address family of a host; IPv4 if it cannot be found."""
    try:
        found = socket.getaddrinfo(*server_address[:2], type=socket.SOCK_DGRAM)
    except OSError:
        return socket.AF_INET
    return found[0][0]


class OSCUDPServer(socketserver.UDPServer):
    """What the blocking, threading and forking servers have in common.

    ``server_address`` is host and port, 0 for any; ``timeout`` in seconds is for
    :meth:`handle_request`; ``family`` follows from the host unless it is given.
    Raises ``OSError`` when the address cannot be bound.
    """

    max_packet_size = MAX_DATAGRAM

    def __init__(
        self,
        server_address: tuple[str, int],
        dispatcher: Dispatcher,
        bind_and_activate: bool = True,
        timeout: float | None = None,
        family: socket.AddressFamily | None = None,
    ) -> None:
        self.address_family = _family(server_address) if family is None else family
        self._dispatcher = dispatcher
        self._stopping = threading.Event()
        self._stopped = threading.Event()
        self._stopped.set()
        super().__init__(server_address, socketserver.BaseRequestHandler, bind_and_activate)
        self.timeout = timeout

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher that this server hands its packets to."""
        return self._dispatcher

    def server_bind(self) -> None:
        """Bind the socket and make it ready for bursts."""
        prepare(self.socket)
        super().server_bind()

    def verify_request(  # type: ignore[override]  # typeshed narrows the address
        self, request: _Request, client_address: ClientAddress
    ) -> bool:
        """Whether a datagram looks like OSC; if not, it is dropped. To be overridden."""
        return looks_like_osc(request[0])

    def process_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram."""
        self.finish_request(request, client_address)

    def finish_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram, on the thread that runs this."""
        self._dispatcher.dispatch(request[0], client_address, self._reply)

    def handle_request(self) -> None:
        """Wait for one datagram, at most ``timeout``, and call its handlers.

        What becomes due in the meantime runs as well.
        """
        scheduler = self._dispatcher.scheduler
        deadline = math.inf if self.timeout is None else time.monotonic() + self.timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while True:
                left = max(0.0, deadline - time.monotonic())
                ready = selector.select(scheduler.wait(min(left, LONGEST_WAIT)))
                scheduler.run_due()
                if ready:
                    self._take_one()
                    return
                if not left:
                    self.handle_timeout()
                    return

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Serve until :meth:`shutdown`, which is seen within ``poll_interval`` seconds."""
        self._stopped.clear()
        try:
            self._serve(poll_interval)
        finally:
            self._stopping.clear()
            self._stopped.set()

    def request_shutdown(self) -> None:
        """Ask :meth:`serve_forever` to end, from any thread, and do not wait for it."""
        self._stopping.set()

    def shutdown(self) -> None:
        """End :meth:`serve_forever`, from another thread, and wait until it has ended."""
        self.request_shutdown()
        self._stopped.wait()

    def _serve(self, poll_interval: float) -> None:
        scheduler, take, reply = self._dispatcher.scheduler, self._way(), self._reply
        receive = receiver(self.socket, self.max_packet_size)
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            while not self._stopping.is_set():
                if selector.select(scheduler.wait(poll_interval)):
                    for data, client in receive():
                        take(data, client, reply)
                scheduler.run_due()
                self.service_actions()

    def _take_one(self) -> None:
        try:
            data, client = self.socket.recvfrom(self.max_packet_size)
        except (BlockingIOError, ConnectionError):
            return  # a bad checksum, or what an earlier reply met
        self._way()(data, client, self._reply)

    def _way(self) -> _Take:
        """The way of a datagram: straight, unless a method of the way was overridden."""
        for name in ("verify_request", "process_request", "finish_request"):
            if getattr(self, name) != getattr(OSCUDPServer, name).__get__(self):
                return self._take_request
        return self._dispatcher.dispatch

    def _take_request(self, data: bytes, client: ClientAddress, reply: Reply) -> None:
        """Take one datagram through the methods that a subclass may override."""
        request = (data, self.socket)
        try:
            if self.verify_request(request, client):
                self.process_request(request, client)
            elif looks_like_osc(data):
                error = DecodeError("refused", "verify_request does not want it")
                self._dispatcher.report_bad(error, client)
            else:
                self._dispatcher.dispatch(data, client, reply)  # counts what is wrong with it
        except Exception:
            self.handle_error(request, client)

    def handle_error(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Report what an overridden method raised. Handlers' errors never come here."""
        _log.exception("request from %s:%s failed", *client_address[:2])

    def _reply(self, client_address: ClientAddress, result: object) -> None:
        send_reply(self._dispatcher, self.socket, client_address, result)


class BlockingOSCUDPServer(OSCUDPServer):
    """Handlers run one after another, on the thread that serves."""


class ThreadingOSCUDPServer(OSCUDPServer):
    """Each packet is handled on a thread of its own, from a bounded set that is reused.

    The threads take turns to receive. So a packet never waits in a queue of ours: while
    all threads are busy, it waits in the socket.
    """

    max_threads = 32
    """Packets that are handled at once. Threads are started as they are needed."""
    stop_timeout = 5.0
    """Seconds that handlers are given to return when the server stops."""

    def _serve(self, poll_interval: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            receive = partial(self._receive, selector, poll_interval, self._way())
            crew = LeaderFollowers(receive, self.max_threads, "osc-udp")
            crew.start()
            try:
                while crew.error is None and not self._stopping.wait(poll_interval):
                    self.service_actions()
            finally:
                left = crew.stop(poll_interval + self.stop_timeout)
                if left:
                    _log.warning("%d handlers did not return within %g s", left, self.stop_timeout)
            if crew.error is not None:
                raise crew.error

    def _receive(
        self, selector: selectors.BaseSelector, poll_interval: float, take: _Take
    ) -> Callable[[], None] | None:
        """The next thing to do, or None after a while without any."""
        scheduler = self._dispatcher.scheduler
        due = scheduler.take_due()
        if due:
            return partial(run_all, due)
        try:
            data, client = self.socket.recvfrom(self.max_packet_size)
        except BlockingIOError:
            selector.select(scheduler.wait(poll_interval))
            return None
        except ConnectionError:
            return None
        return partial(take, data, client, self._reply)


class AsyncIOOSCUDPServer:
    """Handlers run on an event loop; coroutine handlers are awaited, each in a task.

    Use :meth:`serve` in a program without other coroutines, and ``await``
    :meth:`create_serve_endpoint` beside them.
    """

    max_tasks = 1_000
    """Coroutine handlers that are awaited at once; beyond it, packets wait in the socket."""

    def __init__(
        self,
        server_address: tuple[str, int],
        dispatcher: Dispatcher,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._server_address = server_address
        self._dispatcher = dispatcher
        self._loop = loop

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher that this server hands its packets to."""
        return self._dispatcher

    def serve(self) -> None:
        """Serve until the loop is stopped. Not to be called from a coroutine."""
        transport, _ = self._loop.run_until_complete(self.create_serve_endpoint())
        try:
            self._loop.run_forever()
        finally:
            transport.close()
            self._loop.run_until_complete(asyncio.sleep(0))  # now its socket is closed

    async def create_serve_endpoint(
        self,
    ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
        """Bind, and serve on the loop until the transport is closed.

        Returns the transport and the protocol. Raises ``OSError`` when the address cannot
        be bound.
        """
        host, port = self._server_address[:2]
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        sock = open_socket(found[0][0], cast(ClientAddress, found[0][4]))
        protocol = DispatchingProtocol(self._dispatcher, self._loop, self.max_tasks)
        transport: asyncio.DatagramTransport
        try:
            transport = DrainingTransport(self._loop, sock, protocol)
        except NotImplementedError:  # the loop of Windows watches no sockets
            transport, _ = await self._loop.create_datagram_endpoint(lambda: protocol, sock=sock)
        return transport, protocol
