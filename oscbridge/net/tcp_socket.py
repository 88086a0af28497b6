"""Common options, sizes and error codes of TCP sockets."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import Final

__all__ = [
    "ACCEPT_AGAIN",
    "BACKLOG",
    "CHUNK",
    "OUT_OF_MEANS",
    "discard_received",
    "prepare_tcp_socket",
]

CHUNK: Final = 65_536
"""Bytes per read."""

BACKLOG: Final = 1_024
"""Connections that the system queues until they are accepted."""

ACCEPT_AGAIN: Final = 0.1
"""Seconds to wait after a failed accept, for example when no descriptors are left."""

OUT_OF_MEANS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def prepare_tcp_socket(sock: socket.socket) -> None:
    """Never block, send small packets at once, and detect a dead peer."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
    with contextlib.suppress(OSError):  # not a TCP socket, in some tests
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def discard_received(descriptor: int) -> None:
    """Read received data: closing a socket with unread data resets its connection.

    After a reset the client may lose data that was sent before.
    """
    with contextlib.suppress(OSError):  # nothing has arrived, or not a file descriptor
        os.read(descriptor, CHUNK)
