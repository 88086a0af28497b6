"""At rest: the memory and the CPU time of a bridge with a WebSocket endpoint and its clients."""

from __future__ import annotations

import selectors
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from dashboards import join
from figures import Figure
from harness import PROGRAM, cpu_seconds, free_port, programs, running_bridge
from measured import Goal, show_goals

CLIENTS: Final = 500
ROUNDS: Final = 5
SETTLE: Final = 2.0
SECONDS: Final = 5.0
"""Seconds of rest without clients."""

PING_INTERVAL: Final = 20
"""The default of WebSocket endpoints, in seconds; every client is pinged once meanwhile."""

RESOLUTION: Final = 0.05
"""Percent of a core that count as 0.0 %."""

PING: Final = b"\x89\x04"
PONG: Final = b"\x8a\x84\0\0\0\0"
"""The first bytes of a ping of the library, and a masked pong of the same size."""


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory")


def share(pid: int, seconds: float) -> float:
    """Percent of a core that a process uses during some seconds."""
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - began) * 100


def answer_pings(sockets: list[socket.socket], stopped: threading.Event) -> None:
    """What the library of a browser does."""
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        while not stopped.is_set():
            for key, _ in selector.select(0.1):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = sock.recv(4096)
                if data.startswith(PING):
                    sock.sendall(PONG + data[2:6])


@contextmanager
def bridge(program: str = PROGRAM) -> Iterator[tuple[int, int]]:
    """A bridge at rest: its WebSocket port and its process."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
        f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\n'
        f"max_connections = {CLIENTS}\nmax_connections_per_address = {CLIENTS}\n",
        program=program,
    ) as process:
        time.sleep(SETTLE)
        yield web, process.pid


def measure() -> tuple[float, float]:
    """With clients: kB of each, percent of a core."""
    with bridge() as (web, pid), ExitStack() as stack:
        alone = resident_bytes(pid)
        sockets = [stack.enter_context(join(web)) for _ in range(CLIENTS)]
        stopped = threading.Event()
        pongs = threading.Thread(target=answer_pings, args=(sockets, stopped))
        pongs.start()
        try:
            time.sleep(SETTLE)
            busy = share(pid, PING_INTERVAL)
            size = resident_bytes(pid) - alone
        finally:
            stopped.set()
            pongs.join()
    return size / CLIENTS / 1e3, busy


def measure_alone(program: str = PROGRAM) -> tuple[float, float]:
    """Without clients: memory in MB, percent of a core."""
    with bridge(program) as (_, pid):
        return resident_bytes(pid) / 1e6, share(pid, SECONDS)


def figures() -> Iterator[Figure]:
    memory, _ = measure_alone()
    each, busy = measure()
    yield Figure("memory", memory, "MB", "lower")
    yield Figure(f"memory of each of {CLIENTS} clients", each, "kB", "lower")
    yield Figure(f"CPU with {CLIENTS} clients", busy, "%", "lower")


def goals() -> Iterator[Goal]:
    for suffix, program in programs().items():
        found = [measure_alone(program) for _ in range(ROUNDS)]
        memory, cpu = (statistics.median(values) for values in zip(*found, strict=True))
        yield Goal(f"at rest, memory{suffix}", memory, "MB", 45.0)
        yield Goal(f"at rest, CPU{suffix}", cpu, "%", RESOLUTION)
    each, busy = measure()
    yield Goal(f"{CLIENTS} idle WebSocket clients, memory of each", each, "kB", 60.0)
    yield Goal(f"{CLIENTS} idle WebSocket clients, CPU", busy, "%", 1.0)


def report() -> None:
    show_goals("A bridge with a WebSocket endpoint at rest", goals())
