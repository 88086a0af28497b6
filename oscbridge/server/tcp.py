"""OSC servers over TCP. The class names tell how connections are served.

Names, signatures and behaviour are those of the python-osc documentation. ``mode`` is the
framing: "1.0" a length prefix, "1.1" SLIP, "auto" that of each client.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import socketserver
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Final

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.allowlist import AllowList
from oscbridge.net.any_host import accept_both_families, family_of_any_host, is_any_host
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import ACCEPT_AGAIN, BACKLOG, OUT_OF_MEANS
from oscbridge.osc.framing import stream_decoder
from oscbridge.server.children import Children
from oscbridge.server.connected_client import StreamWatcher
from oscbridge.server.connection_limits import StreamLimits, refusal
from oscbridge.server.loop import INPUT, SelectorServer, family_of
from oscbridge.server.request_handlers import PrefixHandler, SLIPHandler
from oscbridge.server.tcp_connection import TCPConnection

__all__ = [
    "MODE_1_0",
    "MODE_1_1",
    "BlockingOSCTCPServer",
    "OSCTCPServer",
    "ThreadingOSCTCPServer",
]

MODE_1_0: Final = "1.0"
MODE_1_1: Final = "1.1"

_log: Final = logging.getLogger(__name__)


class OSCTCPServer(SelectorServer, socketserver.TCPServer):
    """Base of the blocking, threading and forking servers.

    ``server_address`` is host and port; port 0 is any free one. ``family`` follows from the host
    unless it is given. Raises ``ValueError`` for an unknown ``mode`` and ``OSError`` if the
    address cannot be bound.
    """

    allow_reuse_address = os.name == "posix"  # elsewhere two servers could share a port
    request_queue_size = BACKLOG
    limits = StreamLimits()
    """Limits of the connections. To be overridden."""
    allow = AllowList()
    """Networks that clients may connect from; all, if it is empty. Others, on this machine too,
    are counted as ``not_allowed`` and closed at once. To be overridden before the server
    serves: ``server.allow = AllowList(["10.0.0.0/8"])``."""
    watcher: StreamWatcher | None = None
    """Told of clients. To be set before the server serves."""

    def __init__(
        self,
        server_address: tuple[str, int],
        dispatcher: Dispatcher,
        mode: str = MODE_1_1,
        family: socket.AddressFamily | None = None,
    ) -> None:
        stream_decoder(mode)
        self.mode = mode
        self.address_family = family or family_of(*server_address[:2], socket.SOCK_STREAM)
        self._prepare(dispatcher)
        super().__init__(server_address, _HANDLERS.get(mode, SLIPHandler))
        self.socket.setblocking(False)

    def server_bind(self) -> None:
        """Bind the socket; ``*`` and ``::`` are all addresses of both families."""
        host, port = self.server_address[:2]
        if isinstance(host, str) and is_any_host(host):
            self.server_address = (family_of_any_host(self.address_family)[1], port)
            accept_both_families(self.socket, host)
        super().server_bind()

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        selector.register(self, selectors.EVENT_READ, INPUT)
        while not self._stopping.is_set():
            if self._wait(selector, poll_interval):
                self._take_one()
            self._dispatcher.scheduler.run_due()
            self.service_actions()

    def _take_one(self) -> bool:
        """Accept one connection, if it is still open and the limits permit it."""
        try:
            sock, client = self.get_request()
        except OSError as error:
            if error.errno in OUT_OF_MEANS:
                self._dispatcher.report_closed("no_descriptor", ("", 0))
                self._stopping.wait(ACCEPT_AGAIN)
            return False
        reason = self._refusal(client)
        if reason:
            self._dispatcher.report_closed(reason, client)
            sock.close()
        else:
            self._guard(partial(self._take, sock, client), sock, client)
        return True

    def _take(self, sock: socket.socket, client: ClientAddress) -> None:
        try:
            if self.verify_request(sock, client):
                self.process_request(sock, client)
            else:
                self.shutdown_request(sock)
        except BaseException:  # no more threads or processes, for example
            sock.close()
            raise

    @property
    def connections(self) -> int:
        """Connected clients."""
        return len(self._connected())

    def _connected(self) -> list[str]:
        """The host of every connected client."""
        return []

    def _refusal(self, client: ClientAddress) -> str:
        """The reason to refuse a client, or an empty string."""
        return refusal(client, self._connected(), self.allow, self.limits)

    def process_request(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Serve an accepted connection, and close it."""
        try:
            self.finish_request(request, client_address)
        finally:
            self.shutdown_request(request)

    def finish_request(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Serve a connection to its end, on the calling thread."""
        if self.RequestHandlerClass not in _HANDLERS.values():
            self.RequestHandlerClass(request, client_address, self)  # type: ignore[arg-type]
            return
        parts = (request, client_address, self._dispatcher, self.mode, self.limits, self.watcher)
        TCPConnection(*parts).serve(self._stopping.is_set, 0.1)

    def handle_error(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Log the exception of a connection. To be overridden.

        An overriding method also gets the exceptions of handlers, by ``sys.exc_info()``.
        """
        error = sys.exception()
        if error is not None:
            self._dispatcher.report_failure("connection", error)


_HANDLERS: Final = {MODE_1_0: PrefixHandler, MODE_1_1: SLIPHandler}


class BlockingOSCTCPServer(OSCTCPServer):
    """Connections are served one after another, on the serving thread."""

    _serves = False

    @property
    def connections(self) -> int:
        """Connected clients that are served: one or none."""
        return int(self._serves)

    def finish_request(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Serve a connection to its end."""
        self._serves = True
        try:
            super().finish_request(request, client_address)
        finally:
            self._serves = False


class ThreadingOSCTCPServer(OSCTCPServer, socketserver.ThreadingMixIn):
    """Each connection is served on its own thread, at most ``limits.max_connections``."""

    stop_timeout = 5.0
    """Seconds that a stopping server waits for its handlers."""

    def _prepare(self, dispatcher: Dispatcher) -> None:
        super()._prepare(dispatcher)
        self._served: dict[threading.Thread, tuple[socket.socket, str]] = {}

    def _connected(self) -> list[str]:
        return [host for thread, (_, host) in self._served.copy().items() if thread.is_alive()]

    def process_request(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Serve a connection on its own thread."""
        # Daemon threads: a handler that never returns must not keep the process alive.
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"osc-tcp {client_address[0]}:{client_address[1]}",
            daemon=True,
        )
        self._served = {
            **{each: what for each, what in self._served.items() if each.is_alive()},
            thread: (request, client_address[0]),
        }
        thread.start()

    def process_request_thread(  # type: ignore[override]
        self, request: socket.socket, client_address: ClientAddress
    ) -> None:
        """Serve a connection on the calling thread. To be overridden."""
        serve = partial(super().process_request, request, client_address)
        self._guard(serve, request, client_address)

    def _is_own(self, thread: threading.Thread) -> bool:
        return super()._is_own(thread) or thread in self._served

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        try:
            super()._serve(selector, poll_interval)
        finally:
            self._end_connections()

    def _end_connections(self) -> None:
        self._stopping.set()
        for sock, _ in self._served.values():
            # Its thread wakes up, and ends even if the server has been restarted by then.
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RD)
        others = [each for each in self._served if each is not threading.current_thread()]
        deadline = time.monotonic() + (self.stop_timeout if self.block_on_close else 0.0)
        for thread in others:
            thread.join(max(0.0, deadline - time.monotonic()))
        left = sum(thread.is_alive() for thread in others)
        if left and self.block_on_close:
            _log.warning("%d handlers still running after %g s", left, self.stop_timeout)
        self._served = {}

    def server_close(self) -> None:
        """Close the socket and end the connections."""
        super().server_close()
        self._end_connections()


if hasattr(os, "fork"):
    from oscbridge.server.forking_attributes import ForkingAttributes

    class ForkingOSCTCPServer(OSCTCPServer, ForkingAttributes):
        """Each connection is served in its own process, at most ``max_children``.

        All children are reaped. The serving process must have no other threads.
        """

        max_children = 40
        stop_timeout = 1.0
        """Seconds that a closing server waits for children before it kills them."""

        def _prepare(self, dispatcher: Dispatcher) -> None:
            super()._prepare(dispatcher)
            self.children = Children(self.max_children)
            self._clients: dict[int, str] = {}  # hosts by child

        def _connected(self) -> list[str]:
            self.children.reap()
            self._clients = {
                pid: host for pid, host in self._clients.items() if pid in self.children
            }
            return list(self._clients.values())

        def _refusal(self, client: ClientAddress) -> str:
            self.children.limit = self.max_children
            full = len(self.children) >= self.children.limit
            return super()._refusal(client) or ("max_connections" if full else "")

        def process_request(  # type: ignore[override]
            self, request: socket.socket, client_address: ClientAddress
        ) -> None:
            """Serve a connection in its own process."""

            def work() -> None:
                self.socket.close()
                self._dispatcher.scheduler.clear()
                serve = partial(super(ForkingOSCTCPServer, self).process_request)
                self._guard(partial(serve, request, client_address), request, client_address)
                self._dispatcher.scheduler.run_all()

            self._clients[self.children.fork(work)] = client_address[0]
            self.close_request(request)

        def service_actions(self) -> None:
            """Reap the children that have ended."""
            self.children.reap()

        def server_close(self) -> None:
            """Close the socket and end the children."""
            super().server_close()
            self.children.stop(self.stop_timeout if self.block_on_close else 0.0)

    __all__ += ["ForkingOSCTCPServer"]
