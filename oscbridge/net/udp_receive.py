"""Reading datagrams in batches: all that have arrived, up to a limit."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable
from typing import Final, TypeAlias

from oscbridge.net.socket_address import ClientAddress

__all__ = [
    "BATCH",
    "DONT_WAIT",
    "MAX_DATAGRAM",
    "OnBatch",
    "Receive",
    "ReceiverCache",
    "is_about_sent",
    "may_be_osc",
    "udp_receiver",
]

BATCH: Final = 256
"""Datagrams that a server reads before it does anything else."""

MAX_DATAGRAM: Final = 65_535
"""Bytes of a datagram: the limit of UDP."""

DONT_WAIT: Final[int] = getattr(socket, "MSG_DONTWAIT", 0)
"""Flag to read a blocking socket without waiting; 0 where it does not exist (Windows)."""

MAX_CLIENTS: Final = 1_024
"""Senders whose addresses are cached in their Python form."""

Receive: TypeAlias = Callable[[], list[tuple[bytes, ClientAddress]]]
"""Returns received datagrams with their senders, oldest first; fewer than BATCH if no more are
waiting. Raises ``OSError``."""


OnBatch: TypeAlias = Callable[[list[tuple[bytes, ClientAddress]]], None]
"""Takes datagrams that were received, with their senders."""

# One system call per batch saves a quarter of the cost of a message (make bench). The layout of
# its structures is known for 64-bit little-endian Linux, with glibc and with musl.
_HAS_RECVMMSG: Final = (
    sys.platform == "linux" and sys.byteorder == "little" and sys.maxsize > 1 << 32
)


def may_be_osc(data: bytes) -> bool:
    """Whether a datagram begins like OSC, that of an X32 included, and unlike a port scan."""
    return data[:1].isalnum() or data.startswith((b"/", b"#bundle\0"))


def is_about_sent(error: OSError) -> bool:
    """Whether receiving may have failed because of a datagram that was sent earlier."""
    return error.errno not in (errno.EBADF, errno.ENOTSOCK)


def udp_receiver(
    sock: socket.socket, size: int = MAX_DATAGRAM, max_clients: int = MAX_CLIENTS
) -> Receive:
    """A reader of a UDP socket that never waits. Longer datagrams are truncated to ``size``."""
    if _HAS_RECVMMSG and sock.family in (socket.AF_INET, socket.AF_INET6):
        # Only where it is used: a small process forks faster.
        from oscbridge.net.recvmmsg import RecvMMsg

        return RecvMMsg(sock, size, BATCH, max_clients).receive
    return _portable(sock, size)


class ReceiverCache:
    """The receiver of a server's socket: to make its buffers takes as long as 300 messages."""

    def __init__(self) -> None:
        self._found: tuple[socket.socket, int, Receive] | None = None

    def get(self, sock: socket.socket, size: int) -> Receive:
        """The same one as before, if it is for the same socket and size."""
        if self._found is None or self._found[:2] != (sock, size):
            self._found = sock, size, udp_receiver(sock, size)
        return self._found[2]


def _portable(sock: socket.socket, size: int) -> Receive:
    receive = sock.recvfrom

    def receive_batch() -> list[tuple[bytes, ClientAddress]]:
        batch: list[tuple[bytes, ClientAddress]] = []
        while len(batch) < BATCH:
            try:
                batch.append(receive(size, DONT_WAIT))
            except BlockingIOError:
                break
            except ConnectionError:
                continue  # Windows reports here that an earlier reply was not delivered
        return batch

    return receive_batch
