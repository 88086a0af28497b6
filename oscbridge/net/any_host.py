"""The wildcard hosts ``*`` and ``::``: all addresses of this machine, of both families.

``0.0.0.0`` is all IPv4 addresses. One socket serves both families, so that they share a port even
if the system chooses it; IPv4 peers then appear as ``::ffff:192.0.2.1``.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from oscbridge.net.socket_address import ClientAddress

__all__ = [
    "accept_both_families",
    "family_of_any_host",
    "find_local_address",
    "is_any_host",
    "open_listening_socket",
]

_ANY_HOSTS: Final = frozenset(("*", "::"))


def is_any_host(host: str) -> bool:
    """Whether a host to listen on means all addresses of both families."""
    return host in _ANY_HOSTS


def family_of_any_host(family: int | None = None) -> tuple[socket.AddressFamily, str]:
    """The family and the host of a socket for all addresses.

    IPv6, which accepts IPv4 as well, unless the system has none or ``family`` says otherwise.
    """
    if family == socket.AF_INET or not _has_ipv6():
        return socket.AF_INET, "0.0.0.0"
    return socket.AF_INET6, "::"


async def find_local_address(
    host: str, port: int, kind: socket.SocketKind
) -> tuple[int, ClientAddress]:
    """The family and the address to bind to; prefers IPv4. Raises ``OSError``."""
    if is_any_host(host):
        family, host = family_of_any_host()
        return family, (host, port)
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        pass
    else:  # an address needs no thread that looks it up
        return socket.AF_INET, (host, port)
    import asyncio  # not for `oscbridge health`, which has to be quick

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    first = min(found, key=lambda info: info[0] != socket.AF_INET)
    return first[0], cast("ClientAddress", first[4])


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:  # switched off in the kernel
        return False
    return True


def accept_both_families(sock: socket.socket, host: str) -> None:
    """Make a socket that will be bound to ``::`` accept IPv4 too, whatever the system's default."""
    if sock.family == socket.AF_INET6 and is_any_host(host):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def open_listening_socket(port: int, backlog: int = 1_024) -> socket.socket:
    """A TCP socket that listens on all addresses. Raises ``OSError``."""
    family, host = family_of_any_host()
    both = family == socket.AF_INET6
    return socket.create_server((host, port), family=family, backlog=backlog, dualstack_ipv6=both)
