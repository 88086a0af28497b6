"""OSC to MIDI over TCP: latency and messages per second, compared with plain mido.

The receiver is the same for both, a plain socket. Plain mido is `send` of a port of
`mido.sockets`; ours is OSC in, the default mapping, MIDI out.
"""

from __future__ import annotations

import json
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from figures import Figure
from harness import burst_figures, cpu_seconds, free_port, running_bridge
from table import show

RATE, COUNT, ROUNDS = 1_000, 3_000, 5
MANY = 50_000
SETTLE = 0.3
TIMEOUT = 20.0


def osc(number: int) -> bytes:
    """``/song_position``: 14 bits that identify a message."""
    return b"/song_position\0\0,i\0\0" + struct.pack(">i", number & 0x3FFF)


@contextmanager
def bridge(where: str, listen: str, port: int) -> Iterator[tuple[int, int]]:
    """Our bridge, which sends to a port: its OSC port and its process."""
    mine = free_port(socket.SOCK_DGRAM if listen == "udp" else socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "{listen}://127.0.0.1:{mine}"\n'
        f'[endpoint.synth]\ntype = "midi"\npolicy = "block"\noutput = "{where}:{port}"\n'
    ) as process:
        yield mine, process.pid


@contextmanager
def receiver() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT)
        yield server


def accept(server: socket.socket) -> socket.socket:
    sock, _ = server.accept()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(TIMEOUT)
    return sock


def read(sock: socket.socket, count: int) -> list[int]:
    """The arrival times of messages of three bytes, in nanoseconds."""
    came: list[int] = []
    rest = 0
    while len(came) < count:
        data = sock.recv(65_536)
        now = time.monotonic_ns()
        if not data:
            raise RuntimeError(f"the connection ended after {len(came)} messages")
        whole, rest = divmod(rest + len(data), 3)
        came += [now] * whole
    return came


def sender(kind: str, port: int, rate: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, kind, str(port), str(rate), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run(kind: str, rate: int, count: int) -> tuple[list[int], list[int], float]:
    """The times at which messages were sent and received; CPU seconds of the bridge."""
    with receiver() as server:
        port = server.getsockname()[1]
        if kind == "mido":
            process = sender("mido", port, rate, count)
            with accept(server) as sock:
                came = read(sock, count)
                sent = json.loads(process.communicate()[0])
            return sent, came, 0.0
        with bridge("midi+tcp://127.0.0.1", kind, port) as (mine, pid):
            sock = accept(server)
            time.sleep(SETTLE)
            before = cpu_seconds(pid)
            process = sender(kind, mine, rate, count)
            came = read(sock, count)
            cpu = cpu_seconds(pid) - before
            sent = json.loads(process.communicate()[0])
        sock.close()  # after the bridge, which would report it
        return sent, came, cpu


def send(kind: str, port: int, rate: int, count: int) -> None:
    """Send messages at a rate, or as fast as possible (0); print the time of each."""
    messages: list[object] = []
    if kind == "mido":
        import mido
        import mido.sockets

        sending = mido.sockets.connect("127.0.0.1", port)
        sending._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        messages = [mido.Message("songpos", pos=n & 0x3FFF) for n in range(count)]
        put = sending.send
    else:
        udp = kind == "udp"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        sock.connect(("127.0.0.1", port))
        packets = [osc(n) for n in range(count)]
        messages = [p if udp else struct.pack(">i", len(p)) + p for p in packets]
        put = sock.send if udp else sock.sendall
    if not rate and kind != "mido":
        # Like a program with many messages to send: many messages per write.
        messages = [b"".join(messages[n : n + 100]) for n in range(0, count, 100)]
    begin, sent = time.perf_counter(), []
    for number, message in enumerate(messages):
        if rate:
            while time.perf_counter() < begin + number / rate:
                time.sleep(0.0001)
        sent.append(time.monotonic_ns())
        put(message)
    print(json.dumps(sent))
    time.sleep(SETTLE)


def measure_latency(kind: str) -> tuple[float, float]:
    """Milliseconds, the median and the 99th percentile."""
    sent, came, _ = run(kind, RATE, COUNT)
    found = sorted((b - a) / 1e6 for a, b in zip(sent, came, strict=True))
    return statistics.median(found), found[int(len(found) * 0.99)]


def measure_burst(kind: str) -> tuple[float, float]:
    """Seconds until all messages of a burst have arrived; CPU seconds."""
    sent, came, cpu = run(kind, 0, MANY)
    return (came[-1] - sent[0]) / 1e9, cpu


def figures() -> Iterator[Figure]:
    median, tail = measure_latency("udp")
    yield Figure(f"latency at {RATE}/s, median", median, "ms", "lower")
    yield Figure(f"latency at {RATE}/s, 99 %", tail, "ms", "lower")
    yield from burst_figures("burst", MANY, *measure_burst("tcp+1.0"))


def report() -> None:
    rows = []
    for name, kind in (("bare mido", "mido"), ("oscbridge, OSC over UDP", "udp")):
        medians, tails = zip(*(measure_latency(kind) for _ in range(ROUNDS)), strict=True)
        rows.append([name, f"{statistics.median(medians):.3f}", f"{statistics.median(tails):.3f}"])
    show(f"MIDI over TCP at {RATE}/s, ms (median of {ROUNDS})", ["", "median", "99 %"], rows)
    rates = {}
    for name, kind in (("bare mido", "mido"), ("oscbridge, OSC over TCP", "tcp+1.0")):
        rates[name] = statistics.median(MANY / measure_burst(kind)[0] for _ in range(ROUNDS))
    theirs = rates["bare mido"]
    rows = [[name, f"{rate:,.0f}", f"{rate / theirs:.2f} ×"] for name, rate in rates.items()]
    show("MIDI over TCP, messages/s", ["", "messages/s", "of bare mido"], rows)


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
