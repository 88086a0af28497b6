"""The two UDP sockets of RTP-MIDI: control, and data at the next port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final, TypeAlias, cast

import oscbridge

__all__ = ["Address", "SocketPair", "address_of"]

Address: TypeAlias = tuple[str, int]

TRIES: Final = 40
"""Pairs of free ports that are tried."""

MAX_UNSENT: Final = 1 << 18
"""Bytes that the system does not accept yet, above which packets are lost."""

_Receive: TypeAlias = Callable[[bytes, Address], None]


def address_of(sockaddr: tuple[str | int, ...]) -> Address:
    """The address of a socket's peer; a local IPv6 one has its interface: ``fe80::1%2``."""
    host, port, *rest = sockaddr
    scope = rest[1] if len(rest) > 1 else 0
    return f"{host}%{scope}" if scope else str(host), int(port)


def _sockaddr(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    host, _, scope = address[0].partition("%")
    return (host, address[1], 0, int(scope)) if scope else address


class _UdpProtocol(asyncio.DatagramProtocol):
    """Passes datagrams on."""

    def __init__(self, receive: _Receive) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        self._receive(data, address_of(addr))

    def error_received(self, exc: Exception) -> None:
        """A peer that is gone: the session notices."""


class SocketPair:
    """Both sockets, open."""

    def __init__(
        self, control: asyncio.DatagramTransport, data: asyncio.DatagramTransport, address: Address
    ) -> None:
        self._control = control
        self._data = data
        self.address = address
        """Of the control socket."""

    @classmethod
    async def open(
        cls, address: Address, on_control: _Receive, on_data: _Receive, family: int = 0
    ) -> SocketPair:
        """Bind both; port 0 is any free pair. Raises ``OSError``.

        A free pair begins with an even port, by which some peers tell control from data.
        """
        host, port = address
        loop = asyncio.get_running_loop()
        for number in range(TRIES):
            first = _bound(host, port, family)
            if not port and first.getsockname()[1] % 2 and number < TRIES - 1:
                first.close()
                continue
            try:
                second = _bound(host, first.getsockname()[1] + 1, first.family)
            except (OSError, OverflowError):
                first.close()
                if port or number == TRIES - 1:
                    raise
                continue
            bound = first.getsockname()[:2]
            control, _ = await loop.create_datagram_endpoint(
                lambda: _UdpProtocol(on_control), sock=first
            )
            try:
                data, _ = await loop.create_datagram_endpoint(
                    lambda: _UdpProtocol(on_data), sock=second
                )
            except BaseException:
                control.close()
                second.close()
                raise
            return cls(control, data, bound)
        raise OSError("no pair of free ports")

    def send_control(self, data: bytes, to: Address) -> None:
        """Send to the control port of a peer."""
        self._send(self._control, data, to)

    def send_data(self, data: bytes, to: Address) -> bool:
        """Send to the data port of a peer. Returns whether the system accepted it."""
        return self._send(self._data, data, to)

    def close(self) -> None:
        """Close both."""
        self._control.close()
        self._data.close()

    @staticmethod
    def _send(transport: asyncio.DatagramTransport, data: bytes, to: Address) -> bool:
        unsent = cast(asyncio.WriteTransport, transport).get_write_buffer_size()
        if transport.is_closing() or unsent > MAX_UNSENT:
            return False
        with contextlib.suppress(OSError):
            transport.sendto(data, _sockaddr(to))
            return True
        return False


def _bound(host: str, port: int, family: int) -> socket.socket:
    if oscbridge.is_any_host(host):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        host = "::"
    else:
        info = socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)[0]
        sock = socket.socket(info[0], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock
