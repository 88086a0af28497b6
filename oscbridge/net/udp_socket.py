"""UDP sockets of the servers."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Final

from oscbridge.net.any_host import accept_both_families
from oscbridge.net.socket_address import ClientAddress

__all__ = ["RECEIVE_BUFFER", "bind", "open_udp_socket"]

RECEIVE_BUFFER: Final = 4 << 20
"""Bytes of receive buffer that are requested; the system may grant less."""

_SO_RCVBUFFORCE: Final = 33
"""Linux: as ``SO_RCVBUF``, above ``net.core.rmem_max``; requires CAP_NET_ADMIN (socket(7))."""


def bind(
    sock: socket.socket, address: tuple[str, int] | ClientAddress, interface: str = ""
) -> None:
    """Bind a UDP socket, ready for bursts and never blocking.

    The host ``::`` accepts IPv4 as well. A host that is a multicast group is joined, on the
    ``interface`` with this address (IPv4) or name (IPv6), else on the system's default. Raises
    ``OSError``, or ``ValueError`` for an invalid ``interface``.
    """
    _enlarge_buffer(sock)
    sock.setblocking(False)
    group = _group(address[0])
    if group is None:
        accept_both_families(sock, address[0])
        sock.bind(address)
        return
    # Several programs may join one group.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port, rest = address[1], address[2:]
    if len(group) == 4:
        try:
            near = socket.inet_pton(socket.AF_INET, interface or "0.0.0.0")
        except OSError:
            raise ValueError(f"{interface!r} is not the IPv4 address of an interface") from None
        option = (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + near)
    else:
        # "ff02::1%eth0" names its interface; both calls require its number.
        index = socket.if_nametoindex(interface) if interface else _scope(address)
        member = group + struct.pack("@I", index)
        option = (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        rest = (0, index)
    # Bound to the group, the socket receives nothing else. Windows does not support that.
    host = address[0].partition("%")[0] if os.name == "posix" else ""
    sock.bind((host, port, *rest))
    sock.setsockopt(*option)


def _enlarge_buffer(sock: socket.socket) -> None:
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER)
        except OSError:  # not permitted
            pass
        else:
            return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _scope(address: tuple[str, int] | ClientAddress) -> int:
    """The number of the interface in an IPv6 address, or 0."""
    found = socket.getaddrinfo(address[0], address[1], socket.AF_INET6, socket.SOCK_DGRAM)
    return found[0][4][3] or (address[3] if len(address) == 4 else 0)  # type: ignore[misc]


def _group(host: str) -> bytes | None:
    """A host's packed address if it is a multicast group, else None."""
    for family, start in ((socket.AF_INET, range(224, 240)), (socket.AF_INET6, (255,))):
        try:
            packed = socket.inet_pton(family, host.partition("%")[0])
        except OSError:
            continue
        return packed if packed[0] in start else None
    return None


def open_udp_socket(
    family: int, address: ClientAddress, interface: str = "", *, shares_port: bool = False
) -> socket.socket:
    """A UDP socket, bound by :func:`bind`. Raises as it does.

    With ``shares_port`` other sockets that ask for it may have the same port: each receives all
    multicast and broadcast datagrams, and one of them the others.
    """
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if shares_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(sock, address, interface)
    except BaseException:
        sock.close()
        raise
    return sock
