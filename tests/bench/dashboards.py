"""UDP to WebSocket: latency and the highest rate without loss, compared with a relay of npm osc."""

from __future__ import annotations

import re
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import Figure
from harness import burst, burst_figures, cpu_seconds, free_port, key, running, running_bridge
from table import show

Process = subprocess.Popen[bytes]

HEAD = b"/t\0\0,h\0\0"
STAMP = struct.Struct(">q")
LATENCY_RATE, LATENCY_SECONDS, LATENCY_ROUNDS = 1_000, 4, 5
RATE_SECONDS = 2.0
QUIET = 1.0
SETTLE = 0.3  # time in which both servers accept the clients
BURST = {1: 150_000, 50: 50_000}
"""Messages sent at once, by the number of clients."""

RATES = {
    1: (
        5_000,
        10_000,
        20_000,
        30_000,
        40_000,
        50_000,
        60_000,
        70_000,
        85_000,
        100_000,
        120_000,
        140_000,
    ),
    50: (
        500,
        1_000,
        2_000,
        3_000,
        4_000,
        5_000,
        7_000,
        10_000,
        20_000,
        30_000,
        40_000,
        50_000,
        60_000,
    ),
}


@contextmanager
def relay() -> Iterator[tuple[int, int]]:
    """A relay of npm osc: its UDP port and its WebSocket port."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    script = Path(__file__).parents[1] / "js" / "relay.js"
    with running(["node", str(script), str(udp), str(web)], "ready"):
        yield udp, web


@contextmanager
def bridge() -> Iterator[tuple[int, int]]:
    """Our bridge: its UDP port and its WebSocket port."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
        f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\n'
        f"{key('websocket', 'queue')} = 100000\n"
    ):
        yield udp, web


@contextmanager
def lossless_bridge() -> Iterator[tuple[int, int, int]]:
    """Our bridge, reading no faster than it delivers: TCP port, WebSocket port, process."""
    tcp, web = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "tcp+1.0://127.0.0.1:{tcp}"\n'
        f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\npolicy = "block"\n'
        f"{key('websocket', 'client_queue')} = 1000000\n"
    ) as process:
        yield tcp, web, process.pid


def join(port: int, path: str = "/") -> socket.socket:
    """A minimal WebSocket client."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        b"GET " + path.encode() + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1)
    return sock


def send(port: int, rate: int, seconds: float) -> None:
    """Send time stamps at a rate, in a separate process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        begin, sent, total = time.perf_counter(), 0, int(rate * seconds)
        while sent < total:
            due = min(total, int((time.perf_counter() - begin) * rate) + 1)
            while sent < due:
                sender.send(HEAD + STAMP.pack(time.monotonic_ns()))
                sent += 1
            time.sleep(0.0002)


def sender(port: int, rate: int, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, str(port), str(rate), str(seconds)])


def latencies(udp: int, web: int) -> list[float]:
    """Milliseconds from send to receipt, sorted."""
    client = join(web)
    client.settimeout(QUIET)
    process = sender(udp, LATENCY_RATE, LATENCY_SECONDS)
    chunks: list[tuple[int, bytes]] = []
    expected, seen = LATENCY_RATE * LATENCY_SECONDS, 0
    try:
        while seen < expected:
            data = client.recv(65_536)
            chunks.append((time.monotonic_ns(), data))
            seen += data.count(HEAD)
    except TimeoutError:
        pass
    process.wait()
    client.close()
    # A frame at this rate is small and never split by recv.
    return sorted(
        (when - STAMP.unpack_from(data, found.end())[0]) / 1e6
        for when, data in chunks
        for found in re.finditer(re.escape(HEAD), data)
    )


def receive(sockets: list[socket.socket], expected: int, process: Process, quiet: float) -> float:
    """Read until every client has all messages. Returns the seconds since the first one.

    0 if messages are missing when nothing has come for a while.
    """
    began = 0.0
    counts = dict.fromkeys(sockets, 0)
    rests = dict.fromkeys(sockets, b"")
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        while any(count < expected for count in counts.values()):
            ready = selector.select(QUIET + (quiet if process.poll() is None else 0))
            if not ready:
                break
            began = began or time.perf_counter()
            for each, _ in ready:
                sock = each.fileobj
                assert isinstance(sock, socket.socket)
                data = rests[sock] + sock.recv(1 << 18)
                counts[sock] += data.count(HEAD)
                rests[sock] = data[-(len(HEAD) - 1) :]
    complete = all(count == expected for count in counts.values())
    return time.perf_counter() - began if complete else 0.0


def lossless(udp: int, web: int, clients: int, rate: int) -> bool:
    """Whether every client gets every message at this rate."""
    sockets = [join(web) for _ in range(clients)]
    time.sleep(SETTLE)
    process = sender(udp, rate, RATE_SECONDS)
    found = receive(sockets, int(rate * RATE_SECONDS), process, RATE_SECONDS)
    process.wait()
    for sock in sockets:
        sock.close()
    return found > 0


def measure_burst(clients: int) -> tuple[float, float]:
    """Seconds until each client has all messages of a burst; CPU seconds."""
    count = BURST[clients]
    with lossless_bridge() as (tcp, web, bridge):
        sockets = [join(web) for _ in range(clients)]
        time.sleep(SETTLE)
        before = cpu_seconds(bridge)
        process = burst(tcp, HEAD + STAMP.pack(0), count)
        took = receive(sockets, count, process, QUIET)
        process.wait()
        cpu = cpu_seconds(bridge) - before
        for sock in sockets:
            sock.close()
    if not took:
        raise RuntimeError(f"not every one of {clients} clients got {count} messages")
    return took, cpu


def highest(start: object, clients: int) -> int:
    """The highest of the rates without loss."""
    best = 0
    with start() as (udp, web):  # type: ignore[operator]
        for rate in RATES[clients]:
            if not lossless(udp, web, clients, rate):
                break
            best = rate
    return best


def measure_latency(ports: tuple[int, int], rounds: int) -> tuple[float, float]:
    """Milliseconds, the median and the 99th percentile, each the median of the rounds."""
    medians, tails = [], []
    latencies(*ports)  # to warm up
    for _ in range(rounds):
        found = latencies(*ports)
        medians.append(statistics.median(found))
        tails.append(found[int(len(found) * 0.99)])
    return statistics.median(medians), statistics.median(tails)


def figures() -> Iterator[Figure]:
    with bridge() as ports:
        median, tail = measure_latency(ports, 1)
    yield Figure(f"latency at {LATENCY_RATE}/s, median", median, "ms", "lower")
    yield Figure(f"latency at {LATENCY_RATE}/s, 99 %", tail, "ms", "lower")
    for clients in BURST:
        name = f"burst to {clients} client{'s' * (clients > 1)}"
        yield from burst_figures(name, BURST[clients], *measure_burst(clients))


def report() -> None:
    rows = []
    for name, start in (("relay of npm osc", relay), ("oscbridge, asyncio", bridge)):
        with start() as ports:
            median, tail = measure_latency(ports, LATENCY_ROUNDS)
        rows.append([name, f"{median:.2f}", f"{tail:.2f}"])
    show(
        f"UDP to one WebSocket client at {LATENCY_RATE}/s, ms (median of {LATENCY_ROUNDS})",
        ["", "median", "99th percentile"],
        rows,
    )
    rows = []
    for clients in RATES:
        theirs, ours = highest(relay, clients), highest(bridge, clients)
        ratio = f"{ours / theirs:.1f} ×" if theirs else ""
        rows.append([f"{clients} client{'s' * (clients > 1)}", f"{theirs:,}", f"{ours:,}", ratio])
    show(
        "UDP to WebSocket, highest rate without loss, messages/s",
        ["", "relay of npm osc", "oscbridge", "times as many"],
        rows,
    )


if __name__ == "__main__":
    send(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
