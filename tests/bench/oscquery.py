"""OSCQuery: a tree of 20,000 nodes, value changes to listeners, and reloads meanwhile.

The listeners are sockets of this process, which only counts bytes: a frame of a fader has a fixed
size. The rate is what a sender of this process keeps.
"""

from __future__ import annotations

import base64
import os
import selectors
import signal
import socket
import statistics
import struct
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from figures import Figure
from harness import PROGRAM, cpu_seconds, free_port, running
from table import show

NODES = 20_000
"""200 of them are containers."""
ROUNDS = 7
RELOADS = 4
LISTENERS = 20
RATE = 5_000
SECONDS = 4.0
PROBES = 200
"""Messages per second whose delays are measured."""

PROFILE = """
title = "bench"
[[group]]
name      = "all"
status    = "documented"
source    = "this bench"
addresses = [
  { address = "/bank/{001..099}/ch/{001..200}/level", types = "f", range = [0, 1], \
unit = "gain.db", description = "Level of channel {2} in bank {1}" },
]
"""

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:{udp}"
[endpoint.q]
type   = "oscquery"
listen = "127.0.0.1:{http}"
queue  = 100000
[endpoint.desk]
type    = "osc"
to      = "udp://127.0.0.1:{device}"
profile = "{profile}"
[[route]]
from = ["desk", "stage"]
to   = "q"
[[route]]
from = "q"
to   = "desk"
"""


RENAMING = """
[[route]]
from  = "q"
match = "/b/{b}/{c}"
send  = "/bank/{b}/ch/{c}/level {0}"
to    = "desk"
"""
"""A route by which all nodes have a second address."""


class MeasuredServer(NamedTuple):
    """A running bridge with the server."""

    udp: int
    http: int
    pid: int
    file: Path
    """The configuration."""

    @property
    def memory(self) -> float:
        """Resident memory in MB, at its highest."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    def tree(self) -> tuple[float, int]:
        """Seconds for the whole tree, and its size in bytes."""
        started = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/") as answer:
            size = len(answer.read())
        return time.perf_counter() - started, size


@contextmanager
def server() -> Iterator[MeasuredServer]:
    ports = [free_port(kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "bench.toml"
        profile.write_text(PROFILE)
        text = CONFIGURATION.format(
            udp=ports[0], http=ports[1], device=free_port(socket.SOCK_DGRAM), profile=profile
        )
        file = Path(folder) / "query.toml"
        file.write_text(text)
        with running([PROGRAM, "run", str(file)], "Ctrl-C") as process:
            yield MeasuredServer(ports[0], ports[1], process.pid, file)


def address(number: int) -> str:
    return f"/bank/{number // 200 + 1:03}/ch/{number % 200 + 1:03}/level"


def packet(number: int, value: float) -> bytes:
    text = address(number).encode()
    return text + b"\0" * (4 - len(text) % 4) + b",f\0\0" + struct.pack(">f", value)


def listener(port: int, addresses: list[str]) -> socket.socket:
    """A client of the WebSocket that listens to some addresses, as soon as it does."""
    sock = socket.create_connection(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1)
    for each in addresses:
        sock.sendall(_frame(0x81, f'{{"COMMAND":"LISTEN","DATA":"{each}"}}'.encode()))
    sock.sendall(_frame(0x89, b""))  # a ping: its pong comes after all of them
    assert sock.recv(2) == b"\x8a\0"
    return sock


def _frame(kind: int, data: bytes) -> bytes:
    """A frame of a client, with a mask of zeros."""
    return bytes((kind, 0x80 | len(data), 0, 0, 0, 0)) + data


class Changes(NamedTuple):
    """Value changes to all listeners."""

    rate: float
    """Messages per second that were sent."""
    delivered: float
    """The share of frames that arrived."""
    cpu: float
    """Microseconds of CPU time of the server for each message."""


def changes(to: MeasuredServer, listeners: int, rate: int) -> Changes:
    count = int(rate * SECONDS)
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(listeners):
            sock = stack.enter_context(listener(to.http, [address(n) for n in range(100)]))
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        size = (2 + len(packet(0, 0.0))) * count * listeners
        before, took = cpu_seconds(to.pid), 0.0
        sending = threading.Thread(target=lambda: times.append(_send(to.udp, count, rate)))
        times: list[float] = []
        sending.start()
        received, end = 0, time.monotonic() + SECONDS * 3
        while received < size and time.monotonic() < end:
            for key, _ in selector.select(0.5):
                received += len(key.fileobj.recv(1 << 20))  # type: ignore[union-attr]
        sending.join()
        took = times[0]
        return Changes(count / took, received / size, (cpu_seconds(to.pid) - before) / count * 1e6)


def _send(port: int, count: int, rate: int) -> float:
    """Send messages at a rate. Returns the seconds that it took."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        started = time.perf_counter()
        for number in range(count):
            while (ahead := started + number / rate - time.perf_counter()) > 0:
                time.sleep(max(ahead, 0.001))
            sock.send(packet(number % 100, number / count))
        return time.perf_counter() - started


def worst_delay(to: MeasuredServer, *, reload: bool) -> float:
    """The longest time that a message takes, in seconds, while the bridge reloads or not.

    The reload changes a route, so that all nodes get another address or lose it.
    """
    with listener(to.http, [address(0)]) as sock:
        times: list[float] = []
        ended = threading.Event()
        probing = threading.Thread(target=_probe, args=(to.udp, times, ended))
        probing.start()
        if reload:
            text = to.file.read_text()
            is_renaming = text.endswith(RENAMING)
            to.file.write_text(text.removesuffix(RENAMING) if is_renaming else text + RENAMING)
            os.kill(to.pid, signal.SIGHUP)
        worst, received, has_reloaded, end = 0.0, 0, not reload, time.monotonic() + SECONDS
        with sock.makefile("rb") as frames:
            while not has_reloaded or time.monotonic() < end or received < len(times):
                kind, length = frames.read(2)
                data = frames.read(length)
                if kind == 0x81:  # PATH_CHANGED
                    has_reloaded, end = True, time.monotonic() + 1.0
                    continue
                number = int(struct.unpack(">f", data[-4:])[0])
                worst, received = max(worst, time.perf_counter() - times[number]), received + 1
                if time.monotonic() >= end and has_reloaded:
                    ended.set()
        ended.set()
        probing.join()
        return worst


def _probe(port: int, times: list[float], ended: threading.Event) -> None:
    """Send messages whose values are their numbers, and note when."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        while not ended.wait(1 / PROBES):
            number = len(times)
            times.append(time.perf_counter())
            sock.send(packet(0, number))


class Measured(NamedTuple):
    """All that is measured."""

    tree: float
    """Seconds for the tree."""
    memory: float
    """MB before a reload."""
    size: int
    """Bytes of the tree."""
    changed: Changes
    calm: float
    """The longest delay of a message without a reload, in seconds."""
    reload: float
    """The longest one during some reloads."""


def measure() -> Measured:
    with server() as found:
        trees = [found.tree() for _ in range(ROUNDS)]
        changed, memory = changes(found, LISTENERS, RATE), found.memory
        calm = worst_delay(found, reload=False)
        reload = max(worst_delay(found, reload=True) for _ in range(RELOADS))
        seconds = statistics.median(each for each, _ in trees)
        return Measured(seconds, memory, trees[0][1], changed, calm, reload)


def figures() -> Iterator[Figure]:
    found = measure()
    yield Figure("a tree of 20,000 nodes", found.tree * 1e3, "ms", "lower")
    yield Figure("memory with 20,000 nodes", found.memory, "MB", "lower")
    cpu = found.changed.cpu
    yield Figure("a value change to 20 listeners, CPU time", cpu, "µs/message", "lower")
    yield Figure("longest delay during a reload", found.reload * 1e3, "ms", "lower")


def report() -> None:
    seconds, memory, size, changed, calm, reload = measure()
    show(
        f"OSCQuery with {NODES:,} nodes",
        ["", ""],
        [
            [
                f"the whole tree, {size / 1e6:.1f} MB of JSON",
                f"{seconds * 1e3:.0f} ms",
            ],
            ["highest resident memory", f"{memory:.0f} MB"],
            [f"value changes per second to {LISTENERS} listeners", f"{changed.rate:.0f}"],
            ["frames that arrived", f"{changed.delivered:.2%}"],
            ["CPU time for a value change to all listeners", f"{changed.cpu:.0f} µs"],
            ["longest delay of a message", f"{calm * 1e3:.0f} ms"],
            [f"longest delay during {RELOADS} reloads of all nodes", f"{reload * 1e3:.0f} ms"],
        ],
    )
