"""OSC servers over UDP. The class names tell how handlers run.

Names, signatures and behaviour are those of the python-osc documentation. All servers read
until the socket would block, not one packet per poll.
"""

from __future__ import annotations

import logging
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import Reply
from oscbridge.dispatch.scheduler import run_all
from oscbridge.errors import DecodeError
from oscbridge.net.allowlist import AllowList
from oscbridge.net.any_host import family_of_any_host, is_any_host
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_receive import (
    DONT_WAIT,
    MAX_DATAGRAM,
    OnBatch,
    Receive,
    ReceiverCache,
    is_about_sent,
)
from oscbridge.net.udp_socket import bind
from oscbridge.server.datagrams import keep_allowed, send_reply
from oscbridge.server.loop import INPUT, SelectorServer, family_of
from oscbridge.server.request_handlers import UDPHandler

if TYPE_CHECKING:
    from oscbridge.server.leader_followers import LeaderFollowers

__all__ = ["BlockingOSCUDPServer", "OSCUDPServer", "ThreadingOSCUDPServer"]

_Request: TypeAlias = tuple[bytes, socket.socket]
_Batch: TypeAlias = list[tuple[bytes, ClientAddress]]
_Take: TypeAlias = Callable[[_Batch, Reply], None]

_log: Final = logging.getLogger(__name__)


def looks_like_osc(data: bytes) -> bool:
    """Whether the data begins like a message or a bundle."""
    return data.startswith((b"/", b"#bundle\0"))


class OSCUDPServer(SelectorServer, socketserver.UDPServer):
    """Base of the blocking, threading and forking servers.

    ``server_address`` is host and port; port 0 is any free one. ``timeout``, in seconds, applies
    to :meth:`handle_request`. ``family`` follows from the host unless it is given. Raises
    ``OSError`` if the address cannot be bound.
    """

    max_packet_size = MAX_DATAGRAM
    multicast_interface = ""
    """Interface on which to join a multicast group: its address (IPv4) or name (IPv6)."""
    allow = AllowList()
    """Networks whose datagrams are accepted; all, if it is empty. Others are counted as
    ``not_allowed`` and not decoded. Set before serving: ``server.allow = AllowList([…])``."""

    on_batch: OnBatch | None = None
    """Called with datagrams before they are handled, and with none after an error."""

    def __init__(
        self,
        server_address: tuple[str, int],
        dispatcher: Dispatcher,
        bind_and_activate: bool = True,
        timeout: float | None = None,
        family: socket.AddressFamily | None = None,
    ) -> None:
        self.address_family = family or family_of(*server_address[:2], socket.SOCK_DGRAM)
        self._prepare(dispatcher)
        self._receivers = ReceiverCache()
        super().__init__(server_address, UDPHandler, bind_and_activate)
        self.timeout = timeout

    def server_bind(self) -> None:
        """Bind the socket, and join the group if the address is a multicast group."""
        if self.allow_reuse_address:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if getattr(self, "allow_reuse_port", False) and hasattr(socket, "SO_REUSEPORT"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        address = cast(ClientAddress, self.server_address)
        if is_any_host(address[0]):
            address = (family_of_any_host(self.address_family)[1], address[1])
        bind(self.socket, address, self.multicast_interface)
        if DONT_WAIT:
            self.socket.setblocking(True)  # for programs that read it themselves
        self.server_address = self.socket.getsockname()

    def verify_request(  # type: ignore[override]  # typeshed narrows the address
        self, request: _Request, client_address: ClientAddress
    ) -> bool:
        """Whether to accept a datagram; by default, if it looks like OSC. To be overridden."""
        return looks_like_osc(request[0])

    def get_request(self) -> tuple[_Request, ClientAddress]:  # type: ignore[override]
        """Receive a datagram, without waiting. Raises ``OSError`` if there is none."""
        data, client = self.socket.recvfrom(self.max_packet_size, DONT_WAIT)
        return (data, self.socket), client

    def process_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram."""
        self.finish_request(request, client_address)
        self.shutdown_request(request)

    def finish_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram, on the calling thread."""
        if self.RequestHandlerClass is UDPHandler:
            self._dispatcher.entry()(request[0], client_address, self._reply)
        else:
            self.RequestHandlerClass(request, client_address, self)  # type: ignore[arg-type]

    def shutdown_request(self, request: _Request) -> None:  # type: ignore[override]
        """Called after a datagram. To be overridden."""
        self.close_request(request)

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        scheduler, take, reply = self._dispatcher.scheduler, self._batch_handler(), self._reply
        receive = self._receivers.get(self.socket, self.max_packet_size)
        one_by_one = self._is_customized()
        selector.register(self, selectors.EVENT_READ, INPUT)
        while not self._stopping.is_set():
            if self._wait(selector, poll_interval):
                if one_by_one:
                    self._take_one()
                else:
                    take(receive() if self.on_batch is None else self._watched(receive), reply)
            scheduler.run_due()
            self.service_actions()

    def _watched(self, receive: Receive) -> _Batch:
        """The next datagrams, shown to :attr:`on_batch`."""
        try:
            batch = receive()
        except OSError as error:
            if not is_about_sent(error):
                raise
            batch = []
        if self.on_batch is not None:
            self.on_batch(batch)
        return batch

    def _is_customized(self) -> bool:
        """Whether a program has its own way to handle a datagram."""
        return self.RequestHandlerClass is not UDPHandler or any(map(self._is_replaced, _STEPS))

    def _take_one(self) -> bool:
        taken = self._receive_one()
        if taken is None:
            return False
        self._handle(*taken)
        return True

    def _receive_one(self) -> tuple[_Request, ClientAddress] | None:
        """The next datagram of an allowed host, if there is one."""
        try:
            request, client = self.get_request()
        except OSError as error:
            if self.on_batch is not None and is_about_sent(error):
                self.on_batch([])
            elif not isinstance(error, BlockingIOError | TimeoutError | ConnectionError):
                raise
            return None  # a bad checksum, or the rejection of an earlier reply
        if self.on_batch is not None:
            self.on_batch([(request[0], client)])
        if self.allow and not keep_allowed([(request[0], client)], self.allow, self._dispatcher):
            return None
        return request, client

    def _batch_handler(self) -> _Take:
        """The function that handles a batch of datagrams, filtered if :attr:`allow` is set."""
        take = self._dispatcher.entry_for_all()
        return partial(self._take_allowed, take) if self.allow else take

    def _take_allowed(self, take: _Take, batch: _Batch, reply: Reply) -> None:
        batch = keep_allowed(batch, self.allow, self._dispatcher)
        if batch:
            take(batch, reply)

    def _handle(self, request: _Request, client: ClientAddress) -> None:
        """Handle one datagram by the methods that a program may override."""
        self._guard(partial(self._take_request, request, client), request, client)

    def _take_request(self, request: _Request, client: ClientAddress) -> None:
        if self.verify_request(request, client):
            self.process_request(request, client)
        elif looks_like_osc(request[0]):
            error = DecodeError("refused", "rejected by verify_request")
            self._dispatcher.report_bad(error, client)
        else:
            self._dispatcher.dispatch(request[0], client, self._reply)  # counts the error

    def handle_error(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Log the exception of an overridden method. To be overridden.

        An overriding method also gets the exceptions of handlers, by ``sys.exc_info()``.
        """
        _log.exception("request from %s:%s failed", *client_address[:2])

    def _reply(self, client_address: ClientAddress, result: object) -> None:
        send_reply(self._dispatcher, self.socket, client_address, result)


_STEPS: Final = (
    *("get_request", "verify_request", "process_request", "process_request_thread"),
    *("finish_request", "shutdown_request", "close_request", "handle_error"),
)
"""The methods of :mod:`socketserver` through which a request passes."""


class BlockingOSCUDPServer(OSCUDPServer):
    """Handlers run one after another, on the serving thread."""


class ThreadingOSCUDPServer(OSCUDPServer, socketserver.ThreadingMixIn):
    """Each packet is handled on its own thread, from a bounded set that is reused.

    The threads take turns receiving, so there is no queue between them: while all threads are
    busy, packets wait in the socket.
    """

    max_threads = 32
    """Packets that are handled simultaneously. Threads are started as needed."""
    stop_timeout = 5.0
    """Seconds that a stopping server waits for its handlers."""
    _crew: LeaderFollowers | None = None

    @property
    def threads(self) -> int:
        """Running threads of this server."""
        crew = self._crew
        return 0 if crew is None else len(crew)

    def process_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram: this is a thread of its own already."""
        self.process_request_thread(request, client_address)

    def process_request_thread(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram. To be overridden."""
        super().process_request(request, client_address)

    def _is_own(self, thread: threading.Thread) -> bool:
        crew = self._crew
        return super()._is_own(thread) or (crew is not None and thread in crew)

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        from oscbridge.server.leader_followers import LeaderFollowers  # only for threads

        selector.register(self, selectors.EVENT_READ, INPUT)
        take = None if self._is_customized() else self._batch_handler()
        receive = partial(self._receive, selector, poll_interval, take)
        self._crew = crew = LeaderFollowers(receive, self.max_threads, "osc-udp")
        crew.start()
        try:
            while crew.error is None and not self._stopping.wait(poll_interval):
                self.service_actions()
        finally:
            crew.stopping.set()
            self._wake()
            left = crew.stop(self.stop_timeout if self.block_on_close else 0.0)
            self._crew = None
            if left and self.block_on_close:
                _log.warning("%d handlers still running after %g s", left, self.stop_timeout)
        closed_by_handler = self._stopping.is_set() and self.socket.fileno() < 0
        if crew.error is not None and not closed_by_handler:
            raise crew.error

    def _receive(
        self, selector: selectors.BaseSelector, poll_interval: float, take: _Take | None
    ) -> Callable[[], None] | None:
        """The next work: due messages or a datagram. None after ``poll_interval`` without any."""
        scheduler = self._dispatcher.scheduler
        due = scheduler.take_due()
        if due:
            return partial(run_all, due)
        if take is None:
            if not self._wait(selector, poll_interval):
                return None
            taken = self._receive_one()
            return None if taken is None else partial(self._handle, *taken)
        try:
            data, client = self.socket.recvfrom(self.max_packet_size, DONT_WAIT)
        except OSError as error:
            self._nothing_received(error, selector, poll_interval)
            return None
        if self.on_batch is not None:
            self.on_batch([(data, client)])
        return partial(take, [(data, client)], self._reply)

    def _nothing_received(
        self, error: OSError, selector: selectors.BaseSelector, poll_interval: float
    ) -> None:
        """Wait for a datagram. Raises an error that is not about a datagram that was sent."""
        if self.on_batch is not None and is_about_sent(error):
            self.on_batch([])
        elif not isinstance(error, BlockingIOError | ConnectionError):
            raise error
        if isinstance(error, BlockingIOError):
            self._wait(selector, poll_interval)
