"""The UDP sockets of an endpoint: one that sends, and one that receives."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address

import oscbridge

__all__ = ["DmxSocket", "local_address_for", "open_receiver", "open_sender", "resolve"]

_ANY = "0.0.0.0"


class DmxSocket(asyncio.DatagramProtocol):
    """A socket that an event loop reads and writes."""

    transport: asyncio.DatagramTransport

    def __init__(
        self,
        raw: socket.socket,
        on_datagram: Callable[[bytes, oscbridge.ClientAddress], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.raw = raw
        self.is_full = False
        """Whether the system has not taken 64 KiB yet: then nothing more should be sent."""
        self._on_datagram = on_datagram
        self._on_error = on_error

    def datagram_received(self, data: bytes, addr: oscbridge.ClientAddress) -> None:
        self._on_datagram(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._on_error(exc)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False


def _ignore(*_arguments: object) -> None:
    """Nothing is received by a socket that only sends, and errors of replies are of no interest."""


async def open_sender(
    target: tuple[str, int] | None,
    interface: str,
    max_hops: int,
    on_error: Callable[[Exception], None],
) -> DmxSocket:
    """A socket that sends to one host, or without a target to multicast groups.

    As it is connected, it reports a host on which nothing receives. Raises ``OSError``.
    """
    sock = oscbridge.open_udp_socket(socket.AF_INET, (interface or _ANY, 0))
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, max_hops)
        if interface:
            near = socket.inet_aton(interface)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, near)
        if target is not None:
            sock.connect(target)
        return await _start(DmxSocket(sock, _ignore, on_error))
    except BaseException:
        sock.close()
        raise


async def open_receiver(
    port: int,
    groups: Iterable[str],
    interface: str,
    on_datagram: Callable[[bytes, oscbridge.ClientAddress], None],
) -> DmxSocket:
    """A socket for a port, which other programs may use as well, and multicast groups.

    Raises ``OSError``.
    """
    sock = oscbridge.open_udp_socket(socket.AF_INET, (_ANY, port), shares_port=True)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for group in groups:
            member = socket.inet_aton(group) + socket.inet_aton(interface or _ANY)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return await _start(DmxSocket(sock, on_datagram, _ignore))
    except OSError as error:
        sock.close()
        if error.errno == errno.ENOBUFS:
            text = "the system allows no more multicast groups; receive fewer universes, or raise"
            raise OSError(error.errno, f"{text} net.ipv4.igmp_max_memberships (Linux)") from error
        raise
    except BaseException:
        sock.close()
        raise


async def _start(opened: DmxSocket) -> DmxSocket:
    loop = asyncio.get_running_loop()
    opened.transport, _ = await loop.create_datagram_endpoint(lambda: opened, sock=opened.raw)
    return opened


async def resolve(target: oscbridge.HostPort) -> tuple[str, int]:
    """The IPv4 address of a host. Raises ``OSError``."""
    with suppress(ValueError):
        return str(IPv4Address(target.host)), target.port
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        target.host, target.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
    )
    return str(found[0][4][0]), target.port


def local_address_for(target: tuple[str, int]) -> str:
    """The address of this machine from which a target is sent to; empty without a way to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            probe.connect(target)
        except OSError:
            return ""
        return str(probe.getsockname()[0])
