"""UDP to WebSocket: latency and the highest rate without loss, beside a relay of npm osc."""

from __future__ import annotations

import re
import selectors
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from table import show

HEAD = b"/t\0\0,h\0\0"
STAMP = struct.Struct(">q")
LATENCY_RATE, LATENCY_SECONDS, LATENCY_ROUNDS = 1_000, 4, 3
RATE_SECONDS = 2.0
QUIET = 1.0
SETTLE = 0.3  # both servers have taken in the clients by then
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


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.toml"
        file.write_text(
            f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
            f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\nqueue = 100000\n'
        )
        program = Path(sys.executable).with_name("oscbridge")
        with running([str(program), "run", str(file)], "Ctrl-C"):
            yield udp, web


@contextmanager
def running(command: list[str], ready: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if ready in line:
                break
        else:
            raise RuntimeError(f"{command} did not start")
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=5)


def join(port: int) -> socket.socket:
    """A WebSocket client, as little of one as will do."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(1)
    return sock


def send(port: int, rate: int, seconds: float) -> None:
    """Send time stamps at a rate, in a process of its own."""
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
    # A frame at this rate is small and never cut by recv.
    return sorted(
        (when - STAMP.unpack_from(data, found.end())[0]) / 1e6
        for when, data in chunks
        for found in re.finditer(re.escape(HEAD), data)
    )


def lossless(udp: int, web: int, clients: int, rate: int) -> bool:
    """Whether every client gets every message at this rate."""
    sockets = [join(web) for _ in range(clients)]
    counts = dict.fromkeys(sockets, 0)
    rests = dict.fromkeys(sockets, b"")
    expected = int(rate * RATE_SECONDS)
    time.sleep(SETTLE)
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        process = sender(udp, rate, RATE_SECONDS)
        while any(count < expected for count in counts.values()):
            ready = selector.select(QUIET + (RATE_SECONDS if process.poll() is None else 0))
            if not ready:
                break
            for key, _ in ready:
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = rests[sock] + sock.recv(1 << 18)
                counts[sock] += data.count(HEAD)
                rests[sock] = data[-(len(HEAD) - 1) :]
        process.wait()
    for sock in sockets:
        sock.close()
    return all(count == expected for count in counts.values())


def highest(start: object, clients: int) -> int:
    """The highest of the rates that is held without loss."""
    best = 0
    with start() as (udp, web):  # type: ignore[operator]
        for rate in RATES[clients]:
            if not lossless(udp, web, clients, rate):
                break
            best = rate
    return best


def report() -> None:
    rows = []
    for name, start in (("relay of npm osc", relay), ("oscbridge, asyncio", bridge)):
        medians, tails = [], []
        with start() as (udp, web):
            latencies(udp, web)  # to warm up
            for _ in range(LATENCY_ROUNDS):
                found = latencies(udp, web)
                medians.append(statistics.median(found))
                tails.append(found[int(len(found) * 0.99)])
        rows.append([name, f"{statistics.median(medians):.2f}", f"{statistics.median(tails):.2f}"])
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
