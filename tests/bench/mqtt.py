"""UDP to an MQTT subscriber: latency and highest rate without loss, compared with plain paho."""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboards import HEAD as MESSAGE
from dashboards import STAMP as MESSAGE_STAMP
from dashboards import sender
from figures import Figure
from harness import burst, burst_figures, cpu_seconds, free_port, key, running_bridge
from table import show

HEAD = b"\x00\x01t"
STAMP = re.compile(rb'\x00\x01t"?([0-9]{10,20})')
RATES = (5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000, 70_000, 85_000,
         100_000, 120_000)  # fmt: skip
RATE_SECONDS = 2.0
LATENCY_RATE, LATENCY_SECONDS, ROUNDS = 1_000, 3, 5
QUIET = 1.5
LATE = 0.3  # messages in transit when the last one was sent
BURST = {0: 100_000, 1: 40_000}
"""Messages sent at once, by QoS."""

PAHO_COUNT = {0: 60_000, 1: 20_000}


@contextmanager
def broker() -> Iterator[int]:
    """Our own Mosquitto: its port. Its queues are unbounded, so that it loses no message."""
    port = free_port(socket.SOCK_STREAM)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mosquitto.conf"
        file.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n"
        )
        process = subprocess.Popen(
            ["mosquitto", "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait(5)


@contextmanager
def bridge(
    port: int, qos: int, scheme: str = "udp", policy: str = "drop_oldest"
) -> Iterator[tuple[int, int]]:
    """Our bridge: its OSC port and its process."""
    osc = free_port(socket.SOCK_DGRAM if scheme == "udp" else socket.SOCK_STREAM)
    with running_bridge(
        f'[bridge.osc]\nlisten = "{scheme}://127.0.0.1:{osc}"\n[endpoint.mqtt]\ntype = "mqtt"\n'
        f'broker = "mqtt://127.0.0.1:{port}"\nqos = {qos}\npolicy = "{policy}"\n'
        f"{key('mqtt', 'queue')} = 1000000\n"
    ) as process:
        time.sleep(0.5)  # connected by then
        yield osc, process.pid


def subscriber(port: int) -> socket.socket:
    """A minimal subscriber with QoS 0."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    sock.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00")
    sock.recv(4)
    sock.sendall(b"\x82\x06\x00\x01\x00\x01t\x00")
    sock.recv(5)
    sock.settimeout(QUIET)
    return sock


def receive(sock: socket.socket, expected: int, seconds: float = 60.0) -> int:
    """The number of messages received until all have arrived, none arrives, or the time is up."""
    count, rest, end = 0, b"", time.monotonic() + seconds
    try:
        while count < expected and time.monotonic() < end:
            data = rest + sock.recv(1 << 18)
            count += data.count(HEAD)
            rest = data[-(len(HEAD) - 1) :] if not data.endswith(HEAD) else b""
    except TimeoutError:
        pass
    return count


def delays(sock: socket.socket, expected: int) -> list[float]:
    """Milliseconds from send to receipt, by the send time in each message."""
    found: list[float] = []
    rest = b""
    try:
        while len(found) < expected:
            data = rest + sock.recv(1 << 18)
            now, end = time.monotonic_ns(), 0
            for match in STAMP.finditer(data):
                end = match.end()
                found.append((now - int(match[1])) / 1e6)
            rest = data[end:]
    except TimeoutError:
        pass
    return sorted(found)


def paho_rate(port: int, qos: int) -> float:
    """Messages per second that plain paho publishes, until the subscriber has them all."""
    sock = subscriber(port)
    process = subprocess.Popen(
        [sys.executable, __file__, "paho", str(port), str(qos), str(PAHO_COUNT[qos]), "0"]
    )
    first = receive(sock, 1)
    begin = time.monotonic()
    count = first + receive(sock, PAHO_COUNT[qos] - first)
    took = time.monotonic() - begin
    process.wait()
    sock.close()
    return (count - first) / took if count == PAHO_COUNT[qos] else 0.0


def publish(port: int, qos: int, count: int, rate: int) -> None:
    """Plain paho, used as in its documentation, in a separate process."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    begin, sent = time.perf_counter(), 0
    info = None
    while sent < count:
        due = count if not rate else min(count, int((time.perf_counter() - begin) * rate) + 1)
        while sent < due:
            info = client.publish("t", str(time.monotonic_ns()), qos)
            sent += 1
        if rate:
            time.sleep(0.0002)
    if info is not None:
        info.wait_for_publish()
    client.disconnect()
    client.loop_stop()


def lossless(port: int, udp: int, rate: int) -> bool:
    """Whether the subscriber gets every message at this rate, and in time."""
    sock = subscriber(port)
    expected = int(rate * RATE_SECONDS)
    process = sender(udp, rate, RATE_SECONDS)
    count = receive(sock, 1)
    count += receive(sock, expected - count, RATE_SECONDS + LATE)
    process.wait()
    sock.close()
    return count == expected


def highest(port: int, qos: int) -> int:
    """The highest of the rates that the bridge sustains without loss."""
    best = 0
    with bridge(port, qos) as (udp, _):
        lossless(port, udp, RATES[0])
        for rate in RATES:
            if not lossless(port, udp, rate) and not lossless(port, udp, rate):
                break
            best = rate
    return best


def latencies(port: int, qos: int, udp: int | None) -> list[float]:
    sock = subscriber(port)
    count = LATENCY_RATE * LATENCY_SECONDS
    if udp is not None:
        process = sender(udp, LATENCY_RATE, LATENCY_SECONDS)
    else:
        process = subprocess.Popen(
            [sys.executable, __file__, "paho", str(port), str(qos), str(count), str(LATENCY_RATE)]
        )
    found = delays(sock, count)
    process.wait()
    sock.close()
    return found


def measure_burst(port: int, qos: int) -> tuple[float, float]:
    """Seconds until a subscriber has all messages of a burst; CPU seconds."""
    with bridge(port, qos, "tcp+1.0", "block") as (tcp, pid):
        sock = subscriber(port)
        before = cpu_seconds(pid)
        process = burst(tcp, MESSAGE + MESSAGE_STAMP.pack(0), BURST[qos])
        first = receive(sock, 1)
        begin = time.perf_counter()
        count = first + receive(sock, BURST[qos] - first)
        took = time.perf_counter() - begin
        cpu = cpu_seconds(pid) - before
        process.wait()
        sock.close()
    if count != BURST[qos]:
        raise RuntimeError(f"{count} of {BURST[qos]} messages with QoS {qos} arrived")
    return took, cpu


def bridge_latencies(port: int, qos: int) -> list[float]:
    """Sorted, in milliseconds."""
    with bridge(port, qos) as (udp, _):
        latencies(port, qos, udp)  # to warm up
        return latencies(port, qos, udp)


def figures() -> Iterator[Figure]:
    with broker() as port:
        for qos in BURST:
            found = bridge_latencies(port, qos)
            name = f"QoS {qos}, latency at {LATENCY_RATE}/s"
            yield Figure(f"{name}, median", statistics.median(found), "ms", "lower")
            yield Figure(f"{name}, 99 %", found[int(len(found) * 0.99)], "ms", "lower")
            name = f"QoS {qos}, burst"
            yield from burst_figures(name, BURST[qos], *measure_burst(port, qos))


def report() -> None:
    with broker() as port:
        rows = []
        for qos in (0, 1):
            theirs = statistics.median(paho_rate(port, qos) for _ in range(ROUNDS))
            ours = highest(port, qos)
            rows.append([f"QoS {qos}", f"{theirs:,.0f}", f"{ours:,}", f"{ours / theirs:.1f} ×"])
        show(
            "UDP to an MQTT subscriber, messages/s: bare paho publishing, the bridge without loss",
            ["", "paho", "oscbridge", "times as many"],
            rows,
        )
        rows = []
        for qos in (0, 1):
            for name in ("paho", "oscbridge"):
                if name == "paho":
                    found = latencies(port, qos, None)
                else:
                    found = bridge_latencies(port, qos)
                rows.append(
                    [
                        f"{name}, QoS {qos}",
                        f"{statistics.median(found):.2f}",
                        f"{found[int(len(found) * 0.99)]:.2f}",
                    ]
                )
        show(
            f"To a subscriber at {LATENCY_RATE}/s, ms",
            ["", "median", "99th percentile"],
            rows,
        )


if __name__ == "__main__":
    publish(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
