"""What all TCP sockets have in common: options, sizes, and errors of the system."""

from __future__ import annotations

import contextlib
import errno
import socket
from typing import Final

__all__ = ["ACCEPT_AGAIN", "BACKLOG", "CHUNK", "OUT_OF_MEANS", "prepare_stream"]

CHUNK: Final = 65_536
"""Bytes that are read at once."""

BACKLOG: Final = 1_024
"""Connections that wait in the system to be accepted."""

ACCEPT_AGAIN: Final = 0.1
"""Seconds to leave a socket alone that could not accept, as when descriptors run out."""

OUT_OF_MEANS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def prepare_stream(sock: socket.socket) -> None:
    """Never block, send small packets at once, and notice a peer that is gone."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
    with contextlib.suppress(OSError):  # no TCP socket, in some test
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
