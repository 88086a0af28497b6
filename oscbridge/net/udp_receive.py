"""Reading many datagrams for little: all that have arrived, up to a batch."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Final, TypeAlias

from oscbridge.dispatch.handler import ClientAddress

__all__ = ["BATCH", "MAX_DATAGRAM", "Receive", "receiver"]

BATCH: Final = 256
"""Datagrams that are read before a server looks at anything else."""

MAX_DATAGRAM: Final = 65_535
"""Bytes of a datagram; UDP carries no more."""

MAX_CLIENTS: Final = 1_024
"""Senders whose addresses are remembered in their Python form."""

Receive: TypeAlias = Callable[[], list[tuple[bytes, ClientAddress]]]
"""Returns what has arrived, with its senders, oldest first; fewer than BATCH: that was all.
Raises ``OSError``."""


# One system call for a batch saves a quarter of all that a message costs (make bench). The
# layout of its structures is known for 64 bit little-endian Linux, glibc and musl alike.
_HAS_RECVMMSG: Final = (
    sys.platform == "linux" and sys.byteorder == "little" and sys.maxsize > 1 << 32
)


def receiver(
    sock: socket.socket, size: int = MAX_DATAGRAM, max_clients: int = MAX_CLIENTS
) -> Receive:
    """How to read from a non-blocking UDP socket. Longer datagrams are cut to ``size``."""
    if _HAS_RECVMMSG and sock.family in (socket.AF_INET, socket.AF_INET6):
        # Only where it is used: what forks for every packet wants to be small.
        from oscbridge.net.recvmmsg import RecvMMsg

        return RecvMMsg(sock, size, BATCH, max_clients).receive
    return _portable(sock, size)


def _portable(sock: socket.socket, size: int) -> Receive:
    receive = sock.recvfrom

    def receive_batch() -> list[tuple[bytes, ClientAddress]]:
        batch: list[tuple[bytes, ClientAddress]] = []
        while len(batch) < BATCH:
            try:
                batch.append(receive(size))
            except BlockingIOError:
                break
            except ConnectionError:
                continue  # Windows says here that an earlier reply found nobody
        return batch

    return receive_batch
