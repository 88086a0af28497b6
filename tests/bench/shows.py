"""UDP to WebSocket at the rates of a show: CPU time per message and latency.

Beside the bridge run a relay of npm osc, and the floor: a relay in Python that parses nothing.
The programs take turns in each round; every figure is the median of the rounds.
"""

from __future__ import annotations

import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from dashboards import LATENCY_RATE, LATENCY_SECONDS, join, latencies, receive, sender
from figures import Figure
from goals import COLUMNS, goal_row
from harness import cpu_seconds, free_port, running, running_bridge
from table import show

Ports = tuple[int, int, int]
"""Of a running program: the UDP port, the WebSocket port, the process."""

ROUNDS = 5
SECONDS = 4.0
QUIET = 1.0
SETTLE = 0.5
CPU_SHARE, OTHER_SHARE = 0.7, 1.0
LOADS = {
    (1_000, 1): CPU_SHARE,
    (250, 20): CPU_SHARE,
    (2_500, 20): CPU_SHARE,
    (100, 1): OTHER_SHARE,
    (10_000, 1): OTHER_SHARE,
    (4_000, 20): OTHER_SHARE,
}
"""Messages per second and clients; the share of the relay's CPU time that is the goal.

At higher rates the relay loses messages, which makes its figure a better one.
"""

MEDIAN_SHARE, TAIL_SHARE = 1.0, 0.7
"""The shares of the relay's latency that are the goals."""

STEPS = 'match = "/t"\ntypes = "h"\nwhen = "x > 0"\nsend = "/t {0}"\n'
"""A match and three steps, which the message passes unchanged."""


@contextmanager
def started(command: list[str]) -> Iterator[Ports]:
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with running([*command, str(udp), str(web)], "ready") as process:
        yield udp, web, process.pid


def floor() -> AbstractContextManager[Ports]:
    return started([sys.executable, str(Path(__file__).with_name("floor_relay.py"))])


def relay() -> AbstractContextManager[Ports]:
    return started(["node", str(Path(__file__).parents[1] / "js" / "relay.js")])


@contextmanager
def bridge(route: str = "") -> Iterator[Ports]:
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
        f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\n'
        f'[[route]]\nfrom = "osc"\nto = "web"\n{route}'
    ) as process:
        yield udp, web, process.pid


def bridge_with_steps() -> AbstractContextManager[Ports]:
    return bridge(STEPS)


Start = Callable[[], AbstractContextManager[Ports]]
PROGRAMS: dict[str, Start] = {"floor": floor, "relay": relay, "oscbridge": bridge}
WITH_STEPS: dict[str, Start] = {"with three steps": bridge_with_steps}


def cpu_per_message(ports: Ports, rate: int, clients: int, *, may_lose: bool = False) -> float:
    """Microseconds of CPU time per message that is sent, while every client gets every one.

    Raises ``RuntimeError`` if a client does not, unless ``may_lose``.
    """
    udp, web, pid = ports
    sockets = [join(web) for _ in range(clients)]
    time.sleep(SETTLE)
    count = int(rate * SECONDS)
    before = cpu_seconds(pid)
    process = sender(udp, rate, SECONDS)
    took = receive(sockets, count, process, SECONDS + QUIET)
    cpu = cpu_seconds(pid) - before
    process.wait()
    for sock in sockets:
        sock.close()
    if not took and not may_lose:
        raise RuntimeError(f"not all {count} messages arrived at {clients} clients")
    return cpu / count * 1e6


def measure(rate: int, clients: int, programs: dict[str, Start]) -> dict[str, float]:
    """The median of the rounds, by program."""
    found: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, start in programs.items():
            with start() as ports:
                cpu = cpu_per_message(ports, rate, clients, may_lose=name == "relay")
                found[name].append(cpu)
    return {name: statistics.median(values) for name, values in found.items()}


def measure_latency(programs: dict[str, Start]) -> dict[str, tuple[float, float]]:
    """Milliseconds, the median and the 99th percentile, each the median of the rounds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, start in programs.items():
            with start() as (udp, web, _pid):
                latencies(udp, web)  # to warm up
                each = latencies(udp, web)
            if len(each) < LATENCY_RATE * LATENCY_SECONDS:
                raise RuntimeError(f"{name} lost messages")
            found[name].append((statistics.median(each), each[int(len(each) * 0.99)]))
    return {
        name: (statistics.median(a for a, _ in values), statistics.median(b for _, b in values))
        for name, values in found.items()
    }


def figures() -> Iterator[Figure]:
    for rate, clients in LOADS:
        with bridge() as ports:
            cpu = cpu_per_message(ports, rate, clients)
        yield Figure(f"{rate}/s to {clients}, CPU time", cpu, "µs/message", "lower")


def report() -> None:
    rows = []
    for (rate, clients), share in LOADS.items():
        found = measure(rate, clients, PROGRAMS | WITH_STEPS)
        peers = found["floor"], found["relay"]
        name = f"{rate:,}/s to {clients}"
        rows.append(goal_row(name, *peers, found["oscbridge"], share))
        rows.append(goal_row(f"{name}, 3 steps", *peers, found["with three steps"], share))
    show(f"UDP to WebSocket clients: CPU time per message, µs (median of {ROUNDS})", COLUMNS, rows)
    latency = measure_latency(PROGRAMS)
    medians, tails = zip(*(latency[name] for name in PROGRAMS), strict=True)
    show(
        f"UDP to one WebSocket client at {LATENCY_RATE:,}/s: latency, ms (median of {ROUNDS})",
        COLUMNS,
        [
            goal_row("median", *medians, MEDIAN_SHARE, 3),
            goal_row("99th percentile", *tails, TAIL_SHARE, 3),
        ],
    )
