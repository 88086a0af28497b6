"""Datagrams that the kernel drops because the receive buffer of a socket is full (Linux).

The kernel counts them per socket. ``SO_MEMINFO`` (socket(7), Linux 4.12) reads the count whenever
it is asked for, so a message pays nothing for it, and a burst needs no later datagram to be
counted. ``SO_RXQ_OVFL`` would add 1 µs to each message that is read with ``recvmsg``.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from typing import Final

__all__ = ["KernelDropCounter", "drops_between", "receive_buffer"]

_SO_MEMINFO: Final = 55
_MEMINFO: Final = struct.Struct("=9I")
_DROPS: Final = 8
"""Index of the drops in the values of ``SO_MEMINFO`` (linux/sock_diag.h)."""

_WRAP: Final = 1 << 32


class KernelDropCounter:
    """Counts the datagrams that were dropped at one socket, since it was created. Thread-safe."""

    def __init__(self, sock: socket.socket) -> None:
        """Raises ``OSError`` where the system does not count them."""
        self._socket = sock
        self._seen = 0
        self._lock = threading.Lock()
        self._read()

    def take(self) -> int:
        """The datagrams dropped since the last call; 0 once the socket is closed."""
        with self._lock:
            try:
                now = self._read()
            except OSError:
                return 0
            new, self._seen = drops_between(self._seen, now), now
            return new

    def _read(self) -> int:
        if sys.platform != "linux":
            raise OSError("only Linux counts dropped datagrams per socket")
        data = self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        if len(data) != _MEMINFO.size:
            raise OSError("this kernel does not count dropped datagrams")
        drops: int = _MEMINFO.unpack(data)[_DROPS]
        return drops


def drops_between(before: int, now: int) -> int:
    """The drops between two values of the kernel's counter, which has 32 bits and wraps."""
    return (now - before) % _WRAP


def receive_buffer(sock: socket.socket) -> int:
    """Bytes of the receive buffer that the system granted.

    Linux reports twice the requested size, as it needs a part of it for bookkeeping (socket(7)).
    """
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
