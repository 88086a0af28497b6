"""UDP to dashboards that draw at 60 Hz: ``?frame_rate=60&latest=1``, beside a relay of npm osc.

All get the same input. The CPU time is that of the whole time: the relay, which sends every
message, loses many at the higher rate. Fifty faders move in turn. The floor is a program in
Python that does the same and parses nothing.
"""

from __future__ import annotations

import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from dashboards import STAMP, join
from figures import Figure
from goals import goal_beside_relay
from harness import cpu_seconds, free_port, running
from measured import Goal, show_goals
from shows import Ports, bridge, relay

RATES: Final = (2_500, 20_000)
CLIENTS: Final = 20
SECONDS: Final = 3.0
ROUNDS: Final = 5
SETTLE: Final = 0.5
FRAMES: Final = 60
"""Frames per second."""

SHARE: Final = 0.2
"""The goal: a share of the relay's CPU time."""

FRAME: Final = 1000 / FRAMES
"""Milliseconds."""

TRANSIT: Final = 2.0
"""Milliseconds that the way of a frame through the bridge and two sockets may take in addition."""

QUERY: Final = "/?frame_rate=60&latest=1"
FADERS: Final = tuple(b"/%02d\0,h\0\0" % number for number in range(50))
SIZE: Final = len(FADERS[0]) + STAMP.size
HEAD_END: Final = b"\0,h\0\0"
"""The end of every head, before the time of sending."""


def send(port: int, rate: int) -> None:
    """Move the faders, in a separate process."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        begin, sent, total = time.perf_counter(), 0, int(rate * SECONDS)
        while sent < total:
            due = min(total, int((time.perf_counter() - begin) * rate) + 1)
            while sent < due:
                sock.send(FADERS[sent % len(FADERS)] + STAMP.pack(time.monotonic_ns()))
                sent += 1
            time.sleep(0.0002)


def receive(sockets: list[socket.socket], sending: subprocess.Popen[bytes]) -> list[float]:
    """Read until the sender has ended. The age in ms of each value that the first client gets."""
    ages: list[float] = []
    if not sockets:
        sending.wait()
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ)
        while sending.poll() is None:
            for key, _ in selector.select(0.1):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = sock.recv(1 << 18)
                if sock is sockets[0]:
                    ages += _ages(data)
    return ages


def _ages(data: bytes) -> Iterator[float]:
    # A frame is small: one read has all of it.
    now, end = time.monotonic_ns(), 0
    while (found := data.find(HEAD_END, end)) >= 0:
        end = found + len(HEAD_END) + STAMP.size
        if end > len(data):
            return
        yield (now - STAMP.unpack_from(data, found + len(HEAD_END))[0]) / 1e6


def measure(
    start: AbstractContextManager[Ports], rate: int, query: str, clients: int = CLIENTS
) -> tuple[float, list[float]]:
    """CPU time in percent of a core; the ages of the values that one client gets, sorted."""
    with start as (udp, web, pid), ExitStack() as stack:
        sockets = [stack.enter_context(join(web, query)) for _ in range(clients)]
        time.sleep(SETTLE)
        before = cpu_seconds(pid)
        sending = subprocess.Popen([sys.executable, __file__, str(udp), str(rate)])
        ages = receive(sockets, sending)
        cpu = cpu_seconds(pid) - before
    return cpu / SECONDS * 100, sorted(ages)


@contextmanager
def floor() -> Iterator[Ports]:
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    script = str(Path(__file__).with_name("floor_paced.py"))
    with running([sys.executable, script, str(udp), str(web), str(FRAMES)], "ready") as process:
        yield udp, web, process.pid


def figures() -> Iterator[Figure]:
    for rate in RATES:
        cpu, _ = measure(bridge(), rate, QUERY)
        yield Figure(f"{rate}/s to {CLIENTS} at 60 Hz, CPU", cpu, "%", "lower")


def goals() -> Iterator[Goal]:
    for rate in RATES:
        theirs, ours, oldest, least = [], [], [], []
        for _ in range(ROUNDS):
            least.append(measure(floor(), rate, "/")[0])
            theirs.append(measure(relay(), rate, "/")[0])
            cpu, ages = measure(bridge(), rate, QUERY)
            ours.append(cpu)
            oldest.append(ages[int(len(ages) * 0.999)])
        name = f"{rate:,}/s to {CLIENTS} WebSocket clients at 60 Hz"
        cpu, peer, lowest = map(statistics.median, (ours, theirs, least))
        yield goal_beside_relay(f"{name}, CPU", cpu, "%", peer, lowest, SHARE)
        age = statistics.median(oldest)
        yield Goal(f"{name}, age of a value, 99.9th percentile", age, "ms", FRAME + TRANSIT)


def report() -> None:
    show_goals("UDP to dashboards with frame_rate=60&latest=1", goals())


if __name__ == "__main__":
    send(int(sys.argv[1]), int(sys.argv[2]))
