"""Errors that hosts report about datagrams sent earlier, by socket: Linux, ip(7) ``IP_RECVERR``."""

from __future__ import annotations

import errno
import socket
import struct
import sys
from contextlib import suppress
from typing import Final, cast

from oscbridge.net.socket_address import ClientAddress

__all__ = ["report_errors", "take_unreachable"]

MAX_ERRORS: Final = 256
"""Errors that are read at once; the others are read by the next call."""

_ERROR_QUEUE: Final[int | None] = getattr(socket, "MSG_ERRQUEUE", None)
_ERRNO: Final = struct.Struct("=I")
"""The first field of ``struct sock_extended_err`` (ip(7))."""

_IP_RECVERR: Final = 11
_IPV6_RECVERR: Final = 25
"""Socket options of Linux that are missing from the module ``socket``."""


def report_errors(sock: socket.socket, on: bool) -> None:
    """Let the system keep errors for :func:`take_unreachable`, or not. Only Linux does.

    Meanwhile receiving and sending may raise the ``OSError`` of another datagram, and the socket
    is readable until the errors are taken.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):  # closed
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, on)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, on)
        if not on:
            take_unreachable(sock)


def take_unreachable(sock: socket.socket) -> list[ClientAddress]:
    """Take the errors; the addresses at which no program listens (port unreachable)."""
    found: list[ClientAddress] = []
    if _ERROR_QUEUE is None:
        return found
    for _ in range(MAX_ERRORS):
        try:
            _, ancillary, _, address = sock.recvmsg(1, 512, _ERROR_QUEUE | socket.MSG_DONTWAIT)
        except OSError:
            break
        if any(_ERRNO.unpack_from(data)[0] == errno.ECONNREFUSED for _, _, data in ancillary):
            found.append(cast(ClientAddress, address))
    with suppress(OSError):
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # clear the pending error
    return found
