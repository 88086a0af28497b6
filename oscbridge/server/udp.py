"""OSC servers over UDP. The class names tell how handlers run.

Names, signatures and behaviour are those of the python-osc documentation. All servers read
until the socket would block, not one packet per poll.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import socketserver
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress, Reply
from oscbridge.dispatch.scheduler import run_all
from oscbridge.errors import DecodeError
from oscbridge.net.allowlist import AllowList
from oscbridge.net.any_host import family_of_any_host, is_any_host
from oscbridge.net.udp_receive import MAX_DATAGRAM, receiver
from oscbridge.net.udp_socket import bind, keep_allowed, send_reply
from oscbridge.osc.packet import split_packet
from oscbridge.server.children import Children
from oscbridge.server.loop import INPUT, SelectorServer, family_of

if TYPE_CHECKING:
    from oscbridge.server.leader_followers import LeaderFollowers

__all__ = [
    "BlockingOSCUDPServer",
    "OSCUDPServer",
    "ThreadingOSCUDPServer",
]

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
    """Networks whose datagrams are accepted; all, if it is empty. Others, from this machine too,
    are counted as ``not_allowed`` and not decoded. To be
    overridden before the server serves: ``server.allow = AllowList(["10.0.0.0/8"])``."""

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
        super().__init__(server_address, socketserver.BaseRequestHandler, bind_and_activate)
        self.timeout = timeout

    def server_bind(self) -> None:
        """Bind the socket, and join the group if the address is a multicast group."""
        address = cast(ClientAddress, self.server_address)
        if is_any_host(address[0]):
            address = (family_of_any_host(self.address_family)[1], address[1])
        bind(self.socket, address, self.multicast_interface)
        self.server_address = self.socket.getsockname()

    def verify_request(  # type: ignore[override]  # typeshed narrows the address
        self, request: _Request, client_address: ClientAddress
    ) -> bool:
        """Whether to accept a datagram; by default, if it looks like OSC. To be overridden."""
        return looks_like_osc(request[0])

    def process_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram."""
        self.finish_request(request, client_address)

    def finish_request(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Call the handlers for one datagram, on the calling thread."""
        self._dispatcher.dispatch(request[0], client_address, self._reply)

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        scheduler, take, reply = self._dispatcher.scheduler, self._batch_handler(), self._reply
        receive = receiver(self.socket, self.max_packet_size)
        selector.register(self, selectors.EVENT_READ, INPUT)
        while not self._stopping.is_set():
            if self._wait(selector, poll_interval):
                take(receive(), reply)
            scheduler.run_due()
            self.service_actions()

    def _take_one(self) -> None:
        try:
            data, client = self.socket.recvfrom(self.max_packet_size)
        except (BlockingIOError, ConnectionError):
            return  # a bad checksum, or the rejection of an earlier reply
        self._batch_handler()([(data, client)], self._reply)

    def _batch_handler(self) -> _Take:
        """The function that handles a batch of datagrams, filtered if :attr:`allow` is set."""
        take = self._unfiltered()
        return partial(self._take_allowed, take) if self.allow else take

    def _take_allowed(self, take: _Take, batch: _Batch, reply: Reply) -> None:
        batch = keep_allowed(batch, self.allow, self._dispatcher)
        if batch:
            take(batch, reply)

    def _unfiltered(self) -> _Take:
        """The dispatcher itself, unless a subclass overrides one of the methods before it."""
        for name in ("verify_request", "process_request", "finish_request"):
            if getattr(self, name) != getattr(OSCUDPServer, name).__get__(self):
                return self._take_requests
        return self._dispatcher.dispatch_all

    def _take_requests(self, batch: _Batch, reply: Reply) -> None:
        for data, client in batch:
            self._take_request(data, client, reply)

    def _take_request(self, data: bytes, client: ClientAddress, reply: Reply) -> None:
        """Handle one datagram by the methods that a subclass may override."""
        request = (data, self.socket)
        try:
            if self.verify_request(request, client):
                self.process_request(request, client)
            elif looks_like_osc(data):
                error = DecodeError("refused", "rejected by verify_request")
                self._dispatcher.report_bad(error, client)
            else:
                self._dispatcher.dispatch(data, client, reply)  # counts the error
        except Exception:
            self.handle_error(request, client)

    def handle_error(  # type: ignore[override]
        self, request: _Request, client_address: ClientAddress
    ) -> None:
        """Log the exception of an overridden method. Exceptions of handlers never get here."""
        _log.exception("request from %s:%s failed", *client_address[:2])

    def _reply(self, client_address: ClientAddress, result: object) -> None:
        send_reply(self._dispatcher, self.socket, client_address, result)


class BlockingOSCUDPServer(OSCUDPServer):
    """Handlers run one after another, on the serving thread."""


class ThreadingOSCUDPServer(OSCUDPServer):
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

    def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
        from oscbridge.server.leader_followers import LeaderFollowers  # only for threads

        selector.register(self, selectors.EVENT_READ, INPUT)
        receive = partial(self._receive, selector, poll_interval, self._batch_handler())
        self._crew = crew = LeaderFollowers(receive, self.max_threads, "osc-udp")
        crew.start()
        try:
            while crew.error is None and not self._stopping.wait(poll_interval):
                self.service_actions()
        finally:
            crew.stopping.set()
            self._wake()
            left = crew.stop(self.stop_timeout)
            self._crew = None
            if left:
                _log.warning("%d handlers still running after %g s", left, self.stop_timeout)
        if crew.error is not None:
            raise crew.error

    def _receive(
        self, selector: selectors.BaseSelector, poll_interval: float, take: _Take
    ) -> Callable[[], None] | None:
        """The next work: due messages or a datagram. None after ``poll_interval`` without any."""
        scheduler = self._dispatcher.scheduler
        due = scheduler.take_due()
        if due:
            return partial(run_all, due)
        try:
            data, client = self.socket.recvfrom(self.max_packet_size)
        except BlockingIOError:
            self._wait(selector, poll_interval)
            return None
        except ConnectionError:
            return None
        return partial(take, [(data, client)], self._reply)


if hasattr(os, "fork"):

    class ForkingOSCUDPServer(OSCUDPServer):
        """Each packet is handled in its own process, at most ``max_children`` simultaneously.

        All children are reaped; further packets wait in the socket. Invalid packets, and those
        without a handler, start no process. The serving process must have no other threads.
        """

        max_children = 40
        stop_timeout = 5.0
        """Seconds that a closing server waits for children before it kills them."""

        def _prepare(self, dispatcher: Dispatcher) -> None:
            super()._prepare(dispatcher)
            self.children = Children(self.max_children)
            self._succeeded = self._failed = 0  # messages, as counted last

        def process_request(  # type: ignore[override]
            self, request: _Request, client_address: ClientAddress
        ) -> None:
            """Handle one datagram in processes: one per time tag."""
            fork = partial(self._fork, request[1], client_address)
            self._dispatcher.examine(request[0], client_address, fork)

        def _fork(self, sock: socket.socket, client: ClientAddress, packet: bytes) -> None:
            messages = sum(1 for _ in split_packet(packet, self._dispatcher.limits))
            while not self._may_fork():
                if self._gives_up():
                    why = "no process was free before the stop"
                    self._dispatcher.report_dropped("stopped", messages, why)
                    return
            try:
                self.children.fork(partial(self._in_child, (packet, sock), client), messages)
            except OSError as error:  # no more processes available
                self._dispatcher.report_failure("fork", error)
                self._dispatcher.statistics.dropped["fork"] += messages

        def _may_fork(self) -> bool:
            """Wait at most a second until another fork is allowed. Whether it is."""
            return self.children.wait_below_limit(1.0)

        def _gives_up(self) -> bool:
            """Whether a packet is dropped that waits for another child to end."""
            return self._stopping.is_set()

        def _in_child(self, request: _Request, client_address: ClientAddress) -> None:
            # Scheduled messages belong to the parent, and this packet is due.
            self._dispatcher.scheduler.clear()
            self._dispatcher.strict_timing = False
            self.finish_request(request, client_address)

        def _serve(self, selector: selectors.BaseSelector, poll_interval: float) -> None:
            selector.register(self, selectors.EVENT_READ, INPUT)
            while not self._stopping.is_set():
                if self.children.wait_below_limit(poll_interval):
                    # Reap children soon.
                    wait = min(poll_interval, 0.05) if self.children else poll_interval
                    if self._wait(selector, wait):
                        self._take_one()
                self._dispatcher.scheduler.run_due()
                self._count_children()
                self.service_actions()

        def _count_children(self) -> None:
            """Count the messages of the children that have ended since the last call."""
            statistics, children = self._dispatcher.statistics, self.children
            statistics.routed += children.succeeded - self._succeeded
            self._succeeded = children.succeeded
            self._count_failed()

        def _count_failed(self) -> None:
            if failed := self.children.failed - self._failed:
                self._failed += failed
                why = "the process that handled it ended early"
                self._dispatcher.report_dropped("child", failed, why)

        def server_close(self) -> None:
            """Close the socket and end the children."""
            super().server_close()
            self.children.stop(self.stop_timeout)
            self._count_children()

    __all__ += ["ForkingOSCUDPServer"]
