"""OSC over UDP, on the number of the HTTP port or another one."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol, cast

import oscbridge

__all__ = ["OSCPort"]


class OnDatagram(Protocol):
    """Takes a packet and the address of its sender."""

    def __call__(self, data: bytes, peer: oscbridge.ClientAddress, /) -> object: ...


class OSCPort(asyncio.DatagramProtocol):
    """A UDP socket that only receives."""

    def __init__(self, sock: socket.socket, on_datagram: OnDatagram) -> None:
        self.sock = sock
        self._on_datagram = on_datagram
        self._receive = oscbridge.udp_receiver(sock)
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        """The number of the port."""
        number: int = self.sock.getsockname()[1]
        return number

    @classmethod
    async def open(cls, at: oscbridge.HostPort, on_datagram: OnDatagram) -> OSCPort:
        """Open a port. Raises ``OSError``."""
        if oscbridge.is_any_host(at.host):
            family, host = oscbridge.family_of_any_host()
            address: oscbridge.ClientAddress = (host, at.port)
        else:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(at.host, at.port, type=socket.SOCK_DGRAM)
            first = min(found, key=lambda info: info[0] != socket.AF_INET)
            family, address = first[0], cast("oscbridge.ClientAddress", first[4])
        sock = oscbridge.open_udp_socket(family, address)
        try:
            port = cls(sock, on_datagram)
            await port._start()
        except BaseException:
            sock.close()
            raise
        return port

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(self.sock, self._read)
        except NotImplementedError:  # the proactor loop of Windows
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=self.sock)

    def datagram_received(self, data: bytes, addr: oscbridge.ClientAddress) -> None:
        self._on_datagram(data, addr)

    def _read(self) -> None:
        try:
            batch = self._receive()
        except OSError:  # nothing is sent from this socket, so it is about nothing of ours
            return
        for data, peer in batch:
            self._on_datagram(data, peer)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
            return
        asyncio.get_running_loop().remove_reader(self.sock)
        self.sock.close()
