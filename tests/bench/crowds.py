"""UDP to many WebSocket clients: messages that every client gets, and how late.

The delivery is timed at some of the clients, and counted at all.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from typing import Final

from dashboards import HEAD, STAMP, join, sender
from figures import Figure
from harness import cpu_seconds, free_port, running_bridge
from measured import Goal, show_goals

CLIENTS: Final = 200
RATE: Final = 1_000
SECONDS: Final = 4.0
ROUNDS: Final = 5
QUIET: Final = 1.0
SETTLE: Final = 0.5
TIMED_EVERY: Final = 10
"""One of so many clients is timed."""


class Client:
    """Counts the messages of a client."""

    def __init__(self, sock: socket.socket, is_timed: bool) -> None:
        self.sock = sock
        self.count = 0
        self.delays: list[int] = []
        """Nanoseconds from send to receipt, if it is timed."""
        self._is_timed = is_timed
        self._rest = b""

    def read(self) -> None:
        data = self._rest + self.sock.recv(1 << 18)
        now = time.monotonic_ns()
        end, size = 0, len(HEAD) + STAMP.size
        if not self._is_timed:
            self.count += data.count(HEAD)
            self._rest = data[-(len(HEAD) - 1) :]
            return
        while (found := data.find(HEAD, end)) >= 0 and found + size <= len(data):
            self.delays.append(now - STAMP.unpack_from(data, found + len(HEAD))[0])
            self.count += 1
            end = found + size
        self._rest = data[end:] if found >= 0 else data[max(end, len(data) - len(HEAD) + 1) :]


def receive(clients: list[Client], expected: int) -> None:
    """Read until every client has all messages, or nothing comes any more."""
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.sock, selectors.EVENT_READ, client)
        left = len(clients)
        while left:
            ready = selector.select(SECONDS if not any(c.count for c in clients[:1]) else QUIET)
            if not ready:
                return
            for key, _ in ready:
                before = key.data.count
                key.data.read()
                left -= before < expected <= key.data.count


def measure() -> tuple[float, list[float], float]:
    """The share of lost messages, the delays in ms, sorted, and µs of CPU time per message."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
        f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\n'
        f"max_connections = {CLIENTS}\nmax_connections_per_address = {CLIENTS}\n"
    ) as process:
        clients = [Client(join(web), number % TIMED_EVERY == 0) for number in range(CLIENTS)]
        time.sleep(SETTLE)
        before = cpu_seconds(process.pid)
        sending = sender(udp, RATE, SECONDS)
        expected = int(RATE * SECONDS)
        receive(clients, expected)
        cpu = cpu_seconds(process.pid) - before
        sending.wait()
        for client in clients:
            client.sock.close()
    lost = 1 - sum(client.count for client in clients) / expected / CLIENTS
    delays = sorted(delay / 1e6 for client in clients for delay in client.delays)
    return lost, delays, cpu / expected * 1e6


def figures() -> Iterator[Figure]:
    _, delays, cpu = measure()
    name = f"{RATE}/s to {CLIENTS}"
    yield Figure(f"{name}, 99 %", delays[int(len(delays) * 0.99)], "ms", "lower")
    yield Figure(f"{name}, CPU time", cpu, "µs/message", "lower")


def goals() -> Iterator[Goal]:
    rounds = [measure() for _ in range(ROUNDS)]
    name = f"{RATE:,}/s to {CLIENTS} WebSocket clients"
    lost = max(lost for lost, _, _ in rounds) * 100
    tail = statistics.median(delays[int(len(delays) * 0.99)] for _, delays, _ in rounds)
    yield Goal(f"{name}, lost", lost, "%", 0.0)
    yield Goal(f"{name}, 99th percentile of the delivery", tail, "ms", 20.0)


def report() -> None:
    show_goals("UDP to many WebSocket clients", goals())
