"""The socket of a forking bridge, bound in the bridge process.

It outlives each worker: packets that arrive while one replaces another wait in it.
"""

from __future__ import annotations

import os
import socket

from oscbridge.net.any_host import accept_both_families, find_local_address
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import BACKLOG
from oscbridge.net.udp_socket import open_udp_socket
from oscbridge.net.url import OSCURL

__all__ = ["bound_socket"]


async def bound_socket(url: OSCURL, interface: str) -> socket.socket:
    """A bound socket, over TCP also listening. Raises ``OSError``."""
    kind = socket.SOCK_DGRAM if url.scheme == "udp" else socket.SOCK_STREAM
    family, address = await find_local_address(url.host, url.port, kind)
    try:
        if kind == socket.SOCK_DGRAM:
            return open_udp_socket(family, address, interface)
    except ValueError as error:  # an invalid interface
        raise OSError(str(error)) from error
    return _listening(family, address)


def _listening(family: int, address: ClientAddress) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let two servers share a port
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        accept_both_families(sock, address[0])
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock
