"""UDP sockets as the servers use them, and the asyncio side of reading them."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import os
import socket
import struct
from collections.abc import Coroutine
from typing import Final, Protocol

from oscbridge.dispatcher import Dispatcher
from oscbridge.handler import ClientAddress
from oscbridge.statistics import name_of
from oscbridge.transport.due_timer import DueTimer
from oscbridge.transport.receive import receiver
from oscbridge.transport.reply import packet_for, report_unsent

__all__ = [
    "DispatchingProtocol",
    "DrainingTransport",
    "bind",
    "open_socket",
    "send_reply",
]

RECEIVE_BUFFER: Final = 4 << 20
"""Bytes of receive buffer that are asked of the system, which may give less."""


class _Sender(Protocol):
    """A socket or a transport."""

    def sendto(self, data: bytes, addr: ClientAddress, /) -> object: ...


def bind(
    sock: socket.socket, address: tuple[str, int] | ClientAddress, interface: str = ""
) -> None:
    """Bind a UDP socket, ready for bursts and never blocking.

    Where the host is a multicast group, join it: on the ``interface`` of that address
    (IPv4) or name (IPv6), or where the system likes. Raises ``OSError``.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setblocking(False)
    group = _group(address[0])
    if group is None:
        sock.bind(address)
        return
    # Several programs may listen to one group.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port, rest = address[1], address[2:]
    if group.version == 4:
        near = ipaddress.IPv4Address(interface or 0).packed
        option = (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group.packed + near)
    else:
        # "ff02::1%eth0" names its interface; the system wants the number, in both calls.
        index = socket.if_nametoindex(interface) if interface else _scope(address)
        member = group.packed + struct.pack("@I", index)
        option = (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        rest = (0, index)
    # Bound to the group, nothing else comes in; Windows does not know that.
    sock.bind((str(group) if os.name == "posix" else "", port, *rest))
    sock.setsockopt(*option)


def _scope(address: tuple[str, int] | ClientAddress) -> int:
    """The number of the interface that an IPv6 address names, or 0."""
    found = socket.getaddrinfo(address[0], address[1], socket.AF_INET6, socket.SOCK_DGRAM)
    return found[0][4][3] or (address[3] if len(address) == 4 else 0)  # type: ignore[misc]


def _group(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The multicast group that a host is, or None."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address if address.is_multicast else None


def open_socket(family: int, address: ClientAddress, interface: str = "") -> socket.socket:
    """A UDP socket that is bound as by :func:`bind`. Raises ``OSError``."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bind(sock, address, interface)
    except BaseException:
        sock.close()
        raise
    return sock


def send_reply(
    dispatcher: Dispatcher, sender: _Sender, client: ClientAddress, result: object
) -> None:
    """Send the client what a handler returned; what cannot be sent is reported."""
    packet = packet_for(dispatcher, client, result)
    if packet is None:
        return
    try:
        sender.sendto(packet, client)
    except OSError as error:
        report_unsent(dispatcher, client, error)


class DispatchingProtocol(asyncio.DatagramProtocol):
    """Hands packets to the dispatcher, awaits coroutines, and keeps the scheduler going."""

    def __init__(
        self, dispatcher: Dispatcher, loop: asyncio.AbstractEventLoop, max_tasks: int
    ) -> None:
        self.dispatcher = dispatcher
        self._loop = loop
        self._max_tasks = max_tasks
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = DueTimer(dispatcher.scheduler, loop)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: ClientAddress) -> None:
        self.dispatcher.dispatch(data, addr, self.reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._timer.close()
        for task in self._tasks:
            task.cancel()

    def reply(self, client: ClientAddress, result: object) -> None:
        """Answer the client; a coroutine first becomes a task."""
        if not inspect.iscoroutine(result):
            if self._transport is not None:
                send_reply(self.dispatcher, self._transport, client, result)
            return
        task = self._loop.create_task(self._await(client, result))
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        if len(self._tasks) >= self._max_tasks and isinstance(self._transport, DrainingTransport):
            self._transport.pause_reading()

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
        if len(self._tasks) < self._max_tasks and isinstance(self._transport, DrainingTransport):
            self._transport.resume_reading()


class DrainingTransport(asyncio.DatagramTransport):
    """A datagram transport that reads until the socket would block.

    asyncio's own makes a system call to ``epoll`` for every datagram. Raises
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
        self._receive = receiver(sock)
        self._unread: list[tuple[bytes, ClientAddress]] = []
        loop.add_reader(sock, self._drain)
        protocol.connection_made(self)

    def _drain(self) -> None:
        protocol = self._protocol
        dispatch, reply = protocol.dispatcher.dispatch, protocol.reply
        batch = iter(self._unread or self._receive())
        self._unread = []
        for data, client in batch:
            dispatch(data, client, reply)
            if not self._reading:
                self._unread = list(batch)

    def pause_reading(self) -> None:
        """Leave packets in the socket."""
        if self._reading and not self._closing:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Undo :meth:`pause_reading`."""
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._socket, self._drain)
            if self._unread:
                self._drain()

    def sendto(self, data: bytes, addr: ClientAddress | None = None) -> None:  # type: ignore[override]
        """Send a datagram at once. Raises ``OSError``."""
        if addr is None:
            raise ValueError("a server's socket is not connected: an address is needed")
        self._socket.sendto(data, addr)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Stop serving and close the socket."""
        if self._closing:
            return
        self._closing, self._reading = True, False
        self._loop.remove_reader(self._socket)
        self._loop.call_soon(self._closed)

    abort = close

    def _closed(self) -> None:
        self._socket.close()
        self._protocol.connection_lost(None)
