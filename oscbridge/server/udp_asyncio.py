"""The UDP server on an event loop."""

from __future__ import annotations

import asyncio
import inspect
import socket
import weakref
from collections.abc import Coroutine, Iterator
from contextlib import suppress

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.dispatch.statistics import name_of
from oscbridge.net.allowlist import AllowList
from oscbridge.net.any_host import find_local_address
from oscbridge.net.direct_readers import add_reader, remove_reader
from oscbridge.net.hold_off import HoldOff
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_receive import OnBatch, is_about_sent, udp_receiver
from oscbridge.net.udp_socket import open_udp_socket
from oscbridge.server.awaiting_transport import AwaitingTransport
from oscbridge.server.datagrams import keep_allowed, send_reply

__all__ = ["AsyncIOOSCUDPServer", "DispatchingProtocol", "DrainingTransport"]


class AsyncIOOSCUDPServer:
    """Handlers run on an event loop; coroutine handlers are awaited, each in a task.

    Use :meth:`serve` in a program without other coroutines, otherwise ``await``
    :meth:`create_serve_endpoint`.
    """

    max_tasks = 1_000
    """Coroutine handlers that run simultaneously; further packets wait in the socket."""
    multicast_interface = ""
    """Interface on which to join a multicast group: its address (IPv4) or name (IPv6)."""
    allow = AllowList()
    """Networks whose datagrams are accepted; all, if it is empty. Others, from this machine too,
    are counted as ``not_allowed`` and not decoded."""

    def __init__(
        self,
        server_address: tuple[str, int],
        dispatcher: Dispatcher,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._server_address = server_address
        self._dispatcher = dispatcher
        self._loop = loop
        self._transport: asyncio.DatagramTransport | None = None
        """The endpoint of :meth:`serve`."""

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the packets that this server receives."""
        return self._dispatcher

    def serve(self) -> None:
        """Serve until the loop is stopped. Not to be called from a coroutine.

        The endpoint stays open as long as the loop does: a program may run the loop again, itself
        or by this method.
        """
        if self._transport is None or self._transport.is_closing():
            transport, _ = self._loop.run_until_complete(self.create_serve_endpoint())
            self._transport = transport
            _close_with(self._loop, transport)
        self._loop.run_forever()

    async def create_serve_endpoint(
        self,
    ) -> tuple[asyncio.DatagramTransport, asyncio.DatagramProtocol]:
        """Bind, and serve on the loop until the transport is closed.

        Returns the transport and the protocol. Raises ``OSError`` when the address cannot
        be bound.
        """
        host, port = self._server_address[:2]
        family, address = await find_local_address(host, port, socket.SOCK_DGRAM)
        # An endpoint that was closed in this turn of the loop still has its socket. An event loop
        # may resolve a numeric address without yielding.
        await asyncio.sleep(0)
        sock = open_udp_socket(family, address, self.multicast_interface)
        protocol = DispatchingProtocol(self._dispatcher, self._loop, self.max_tasks, self.allow)
        transport: asyncio.DatagramTransport
        try:
            transport = DrainingTransport(self._loop, sock, protocol)
        except NotImplementedError:  # the loop of Windows watches no sockets
            transport = AwaitingTransport(self._loop, sock, protocol)
        return transport, protocol


def _close_with(loop: asyncio.AbstractEventLoop, transport: asyncio.DatagramTransport) -> None:
    """Close a transport when its loop is closed, which itself closes no transports."""
    close = loop.close

    def close_both() -> None:
        if not loop.is_closed() and not loop.is_running() and not transport.is_closing():
            transport.close()
            for _ in range(4):  # closes its socket, then cancels its tasks
                loop.run_until_complete(asyncio.sleep(0))
        close()

    loop.close = close_both  # type: ignore[method-assign]


class DispatchingProtocol(asyncio.DatagramProtocol):
    """Dispatches packets, awaits coroutines, and drives the scheduler."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        loop: asyncio.AbstractEventLoop,
        max_tasks: int,
        allow: AllowList,
    ) -> None:
        self.dispatcher = dispatcher
        self.allow = allow
        self._loop = loop
        self._max_tasks = max_tasks
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = DueTimer(dispatcher.scheduler, loop)
        self.transport: asyncio.DatagramTransport | None = None
        """The transport, while it is open."""
        self.on_batch: OnBatch | None = None
        """Called with datagrams before they are handled, and with none after an error."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: ClientAddress) -> None:
        if self.on_batch is not None:
            self.on_batch([(data, addr)])
        if not self.allow or keep_allowed([(data, addr)], self.allow, self.dispatcher):
            self.dispatcher.entry()(data, addr, self.reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._timer.close()
        for task in self._tasks:
            task.cancel()

    def reply(self, client: ClientAddress, result: object) -> None:
        """Send a reply to the client; a coroutine is awaited in a task first."""
        if not inspect.iscoroutine(result):
            if self.transport is not None:
                send_reply(self.dispatcher, self.transport, client, result)
            return
        task = self._loop.create_task(self._await(client, result))
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        if len(self._tasks) >= self._max_tasks and isinstance(self.transport, DrainingTransport):
            self.transport.pause_reading()

    async def _await(
        self, client: ClientAddress, coroutine: Coroutine[object, object, object]
    ) -> None:
        try:
            result = await coroutine
        except Exception as error:
            self.dispatcher.report_failure(name_of(coroutine), error)
            return
        if result is not None:
            self.reply(client, result)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if len(self._tasks) < self._max_tasks and isinstance(self.transport, DrainingTransport):
            self.transport.resume_reading()


class DrainingTransport(asyncio.DatagramTransport):
    """A datagram transport that reads until the socket would block.

    That of asyncio makes a system call to ``epoll`` for every datagram. Raises
    ``NotImplementedError`` on a loop that cannot watch a socket.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, protocol: DispatchingProtocol
    ) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self._loop = loop
        self._socket = sock
        self._protocol = protocol
        self._closing = False
        self._reading = True
        self._is_selective = bool(protocol.allow)
        self._receive = udp_receiver(sock)
        self._dispatch_all = protocol.dispatcher.entry_for_all()
        self._reply = protocol.reply
        self._rest: Iterator[tuple[bytes, ClientAddress]] = iter(())
        """Datagrams of the batch that is being handled."""
        self._unread: list[tuple[bytes, ClientAddress]] = []
        self._is_dispatching = False
        self._hold_off = HoldOff(loop, sock)
        add_reader(loop, sock, self._on_readable)
        # Without a warning, if the program ends while it is open.
        self._finalizer = weakref.finalize(self, sock.close)
        protocol.connection_made(self)

    def _on_readable(self) -> None:
        batch, protocol = self._next_batch(), self._protocol
        turn = protocol.dispatcher.turn
        if turn is None:
            self._dispatch(batch)
            return
        turn.begin(has_one=len(batch) == 1 and not batch[0][0].startswith(b"#"))
        try:
            if len(batch) == 1:  # nothing can be left unread
                self._dispatch_all(batch, self._reply)
            else:
                self._dispatch(batch)
        finally:
            turn.end()
        if turn.waiting:
            self._begin_hold_off(len(batch))

    def _begin_hold_off(self, count: int) -> None:
        patience = self._protocol.dispatcher.patience
        if patience is not None and self._reading and not self._closing:
            self._hold_off.begin(self._on_readable, patience, count)

    def _next_batch(self) -> list[tuple[bytes, ClientAddress]]:
        protocol = self._protocol
        batch = self._receive() if protocol.on_batch is None else self._read()
        if self._is_selective:
            batch = keep_allowed(batch, protocol.allow, protocol.dispatcher)
        return batch

    def _dispatch(self, batch: list[tuple[bytes, ClientAddress]]) -> None:
        """Handle datagrams until a handler pauses the reading."""
        self._is_dispatching = True
        try:
            while batch:
                self._rest = iter(batch)
                self._dispatch_all(self._rest, self._reply)
                if not self._reading:
                    return
                batch, self._unread = self._unread, []  # a handler has paused and resumed
        finally:
            self._is_dispatching = False

    def _read(self) -> list[tuple[bytes, ClientAddress]]:
        """The next datagrams, shown to ``on_batch``."""
        try:
            batch = self._receive()
        except OSError as error:
            if not is_about_sent(error):
                raise
            batch = []
        if self._protocol.on_batch is not None:
            self._protocol.on_batch(batch)
        return batch

    def pause_reading(self) -> None:
        """Leave packets in the socket."""
        if self._reading and not self._closing:
            self._reading = False
            self._hold_off.end()
            remove_reader(self._loop, self._socket)
            self._unread.extend(self._rest)  # which ends their handling

    def resume_reading(self) -> None:
        """Undo :meth:`pause_reading`."""
        if not self._reading and not self._closing:
            self._reading = True
            add_reader(self._loop, self._socket, self._on_readable)
            if self._unread and not self._is_dispatching:
                unread, self._unread = self._unread, []
                self._dispatch(unread)

    def sendto(self, data: bytes, addr: ClientAddress | None = None) -> None:  # type: ignore[override]
        """Send a datagram at once. Raises ``OSError``."""
        if addr is None:
            raise ValueError("the socket of a server is not connected; an address is required")
        self._socket.sendto(data, addr)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Stop serving and close the socket."""
        if self._closing:
            return
        if self._hold_off.end():
            with suppress(OSError):
                self._dispatch(self._next_batch())
        self._closing, self._reading = True, False
        self._unread.extend(self._rest)
        remove_reader(self._loop, self._socket)
        self._loop.call_soon(self._closed)

    abort = close

    def _closed(self) -> None:
        self._finalizer()
        self._protocol.connection_lost(None)
