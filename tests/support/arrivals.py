"""What an observer of two bridges sees: which of them sent what, when, and the errors."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from oscbridge import Message, decode_packet, encode_message

__all__ = ["Arrival", "Observer", "Ticker", "longest_gap", "overlaps"]

SO_TIMESTAMPNS: Final = 35
"""The kernel notes when a datagram arrived (socket(7)): a busy observer does not change it."""

TICK: Final = 0.005
"""Seconds between two messages."""

SHORTEST_REIGN: Final = 0.3
"""Seconds that a bridge leads, at least: shorter ones are two senders at one time."""


class Arrival(NamedTuple):
    """A message that a bridge has sent."""

    at: float
    """Unix time, as the kernel noted it."""
    by: str
    number: int


class Observer:
    """Receives from each bridge on a port of its own."""

    def __init__(self, names: Sequence[str]) -> None:
        self.arrivals: list[Arrival] = []
        self._sockets = {self._open(): name for name in names}
        self.ports = {name: sock.getsockname()[1] for sock, name in self._sockets.items()}
        self._ended = False
        self._thread = threading.Thread(target=self._receive)
        self._thread.start()

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        return sock

    def _receive(self) -> None:
        while not self._ended:
            for sock in select.select(list(self._sockets), [], [], 0.1)[0]:
                data, ancillary, _, _ = sock.recvmsg(4096, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
                message = decode_packet(data)
                assert isinstance(message, Message)
                at = seconds + nanoseconds / 1e9
                self.arrivals.append(Arrival(at, self._sockets[sock], int(message.args[0])))  # type: ignore[arg-type]

    def last(self) -> Arrival | None:
        return self.arrivals[-1] if self.arrivals else None

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        for sock in self._sockets:
            sock.close()


class Ticker:
    """Sends one numbered message after the other to both bridges."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._targets = [("127.0.0.1", port) for port in ports]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        number = 0
        due = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not self._ended.wait(max(0.0, due - time.monotonic())):
                due += TICK
                number += 1
                packet = encode_message(Message("/tick", "i", (number,)))
                for target in self._targets:
                    try:
                        sock.sendto(packet, target)
                    except ConnectionRefusedError:
                        pass  # this bridge was killed

    def close(self) -> None:
        self._ended.set()
        self._thread.join()


def overlaps(arrivals: Sequence[Arrival]) -> Iterator[str]:
    """The moments with two senders.

    A message that both have sent; and a bridge that sends shortly after the other one has begun.
    """
    ordered = sorted(arrivals)
    by: dict[int, str] = {}
    for each in ordered:
        if by.setdefault(each.number, each.by) != each.by:
            yield f"message {each.number} was sent by {by[each.number]} and by {each.by}"
    changes = [after for before, after in pairwise(ordered) if before.by != after.by]
    for one, other in pairwise(changes):
        if other.at - one.at < SHORTEST_REIGN:
            yield f"{one.by} led for {other.at - one.at:.3f} s: {other.by} sent at the same time"


def longest_gap(arrivals: Sequence[Arrival], since: float = 0.0) -> float:
    """The most seconds without a message, from ``since`` (Unix time)."""
    times = sorted(each.at for each in arrivals if each.at >= since)
    return max((after - before for before, after in pairwise(times)), default=0.0)
