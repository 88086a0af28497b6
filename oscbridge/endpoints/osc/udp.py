"""The OSC endpoint's link over UDP: one socket for both directions."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge.endpoints.osc.link import OnPacket, OnRefused, resolve

__all__ = ["UDPLink", "open_udp"]

BUSY_WAIT: Final = 0.002
"""Seconds to wait when the system has no buffer for another datagram."""

MAX_DATAGRAM: Final = 65_535
"""Bytes of a datagram: the limit of UDP."""

_ERROR_QUEUE: Final[int | None] = getattr(socket, "MSG_ERRQUEUE", None)
_ERRNO: Final = struct.Struct("=I")
"""The first field of ``struct sock_extended_err`` (ip(7))."""

_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
"""Socket options of Linux that are missing from the module ``socket``."""


async def open_udp(
    to: oscbridge.OSCURL,
    listen: oscbridge.HostPort | None,
    *,
    hops: int,
    interface: str,
    on_packet: OnPacket,
    on_refused: OnRefused,
) -> UDPLink:
    """Open a UDP socket that sends to a peer and receives its replies. Raises ``OSError``."""
    family, here = 0, None
    if listen is not None and not oscbridge.is_any_host(listen.host):
        family, here = await resolve(*listen, socket.SOCK_DGRAM)
    family, remote = await resolve(to.host, to.port, socket.SOCK_DGRAM, family)
    source = _source_for(family, remote)
    if here is None:
        # A local peer replies from this machine: accept packets from nowhere else.
        is_local = source in ("127.0.0.1", "::1")
        any_host = "::" if family == socket.AF_INET6 else "0.0.0.0"
        if listen is None:
            here = (source if is_local else any_host, 0)
        elif ipaddress.ip_address(remote[0].partition("%")[0]).is_multicast:
            here = (any_host, listen.port)  # its options are those of one family
        else:
            family, any_host = oscbridge.family_of_any_host()
            here = (any_host, listen.port)
    sock = oscbridge.open_udp_socket(family, here, interface)
    try:
        _prepare_sending(sock, hops, interface)
        host, port = sock.getsockname()[:2]
        bound = ipaddress.ip_address(host.partition("%")[0])
        if bound.is_multicast or bound.is_unspecified:
            host = interface if interface and ":" not in source else source
        link = UDPLink(sock, remote, (host, port), on_packet, on_refused)
        await link.start()
    except BaseException:
        sock.close()
        raise
    return link


def _source_for(family: int, remote: oscbridge.ClientAddress) -> str:
    """The local address used to send to a remote one. Sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with contextlib.suppress(OSError):  # no route to it yet
            probe.connect(remote)
        return str(probe.getsockname()[0])


def _target(sock: socket.socket, remote: oscbridge.ClientAddress) -> oscbridge.ClientAddress:
    """The address by which a socket reaches a remote one: one of both families reaches IPv4 as
    ``::ffff:192.0.2.1``. Raises ``ValueError`` if it has only the other family.
    """
    if (":" in remote[0]) == (sock.family == socket.AF_INET6):
        return remote
    if sock.family == socket.AF_INET or sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
        raise ValueError(f"{remote[0]} is of the other family")
    return (f"::ffff:{remote[0]}", remote[1])


def _prepare_sending(sock: socket.socket, hops: int, interface: str) -> None:
    """Set the options for broadcast, multicast and datagram errors. Raises ``OSError``."""
    if sys.platform == "linux":
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
        if interface:
            index = socket.if_nametoindex(interface)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        return
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
    if interface:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))


class UDPLink:
    """One socket for both directions.

    Reads like the servers, until the socket would block. A refused datagram, which the
    system may report at any later call, is reported with ``on_refused`` and stops nothing.
    """

    def __init__(
        self,
        sock: socket.socket,
        remote: oscbridge.ClientAddress,
        near: oscbridge.ClientAddress,
        on_packet: OnPacket,
        on_refused: OnRefused,
    ) -> None:
        self.remote = remote
        self.near = near
        self.sock = sock
        self._target = _target(sock, remote)
        self._on_packet = on_packet
        self._on_refused = on_refused
        self._receive = oscbridge.udp_receiver(sock)
        self._loop = asyncio.get_running_loop()
        self._reading: asyncio.Task[None] | None = None

    def redirect(self, remote: oscbridge.ClientAddress, *, is_fixed: bool) -> bool:
        """Send to another address from now on. Returns False if that requires another socket.

        ``is_fixed`` says whether the configuration sets the local address.
        """
        try:
            target = _target(self.sock, remote)
        except ValueError:  # the other family
            return False
        family = self.sock.family
        if not is_fixed and _source_for(family, target) != _source_for(family, self._target):
            return False
        self.remote, self._target = remote, target
        return True

    async def start(self) -> None:
        """Start reading."""
        try:
            self._loop.add_reader(self.sock, self._read)
        except NotImplementedError:  # e.g. the proactor loop of Windows
            self._reading = self._loop.create_task(self._read_all())

    async def _read_all(self) -> None:
        """Read without readers. The datagram transports of such loops may end at an error."""
        while True:
            try:
                data, client = await self._loop.sock_recvfrom(self.sock, MAX_DATAGRAM)
            except OSError as error:  # about a datagram sent earlier
                self._on_refused(oscbridge.what_failed(error), error.errno or 0)
                await asyncio.sleep(BUSY_WAIT)
            else:
                self._loop.call_soon(self._on_packet, data, client)

    def _read(self) -> None:
        try:
            batch = self._receive()
        except OSError:
            self._take_errors()  # about a datagram sent earlier
            return
        if not batch:
            self._take_errors()
        for data, client in batch:
            self._on_packet(data, client)

    async def send(self, packets: Sequence[bytes]) -> None:
        sendto, target = self.sock.sendto, self._target
        rejected: dict[int, oscbridge.BadMessage] = {}
        for index, packet in enumerate(packets):
            is_too_large = False
            while True:
                try:
                    sendto(packet, target)
                except BlockingIOError:
                    await self._writable()
                    continue
                except OSError as error:
                    if self._take_errors() and not is_too_large:
                        # About an earlier datagram; but Linux queues EMSGSIZE for this one, too.
                        is_too_large = error.errno == errno.EMSGSIZE
                        continue
                    if isinstance(error, ConnectionError):
                        self._on_refused(oscbridge.what_failed(error), error.errno or 0)
                        self.try_to_send(packet)
                        break
                    if error.errno != errno.EMSGSIZE:
                        sent = [n for n in range(index) if n not in rejected]
                        raise oscbridge.PartialDelivery(sent, rejected, _cause(error)) from error
                    rejected[index] = oscbridge.BadMessage(
                        f"{len(packet)} bytes exceed the maximum size of a datagram"
                    )
                break
        if rejected:
            sent = [n for n in range(len(packets)) if n not in rejected]
            raise oscbridge.PartialDelivery(sent, rejected)

    def _take_errors(self) -> bool:
        """Report the errors that routers and the peer sent about earlier datagrams.

        Linux queues them with ``IP_RECVERR`` (ip(7)). Returns whether there were any.
        """
        if _ERROR_QUEUE is None:
            return False
        reasons: list[int] = []
        while True:
            try:
                _, ancillary, _, _ = self.sock.recvmsg(1, 512, _ERROR_QUEUE)
            except OSError:
                break
            reasons += [_ERRNO.unpack_from(data)[0] for _, _, data in ancillary]
            if not ancillary:
                break
        if reasons:
            self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # clear the pending error
            if reasons[-1] != errno.EMSGSIZE:
                self._on_refused(os.strerror(reasons[-1]), reasons[-1])
        return bool(reasons)

    def try_to_send(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.sendto(packet, self._target)

    async def _writable(self) -> None:
        ready = asyncio.Event()
        try:
            self._loop.add_writer(self.sock, ready.set)
        except NotImplementedError:
            await asyncio.sleep(BUSY_WAIT)
            return
        try:
            await ready.wait()
        finally:
            if self.sock.fileno() >= 0:
                self._loop.remove_writer(self.sock)

    async def close(self) -> None:
        if self._reading is None:
            self._loop.remove_reader(self.sock)
            self._loop.remove_writer(self.sock)
        else:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        self.sock.close()


def _cause(error: OSError) -> oscbridge.BackOff | OSError:
    """The cause of a failed send: a full buffer is worth a retry."""
    return oscbridge.BackOff(BUSY_WAIT) if error.errno == errno.ENOBUFS else error
