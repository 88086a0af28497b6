"""MQTT in both directions, beside bare paho in the same run.

To a broker: paho publishes as in its documentation. From a broker: a relay sends each payload
that paho delivers over UDP. Every message must arrive.
"""

from __future__ import annotations

import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dashboards import HEAD, STAMP
from drain import enlarge
from figures import Figure
from harness import burst_figures, cpu_seconds, free_port, key, running, running_bridge
from measured import Goal, show_goals
from mqtt import BURST, bridge_latencies, broker, latencies, measure_burst, paho_rate

ROUNDS: Final = 5
COUNT: Final = {0: 40_000, 1: 20_000}
"""Messages published at once, by QoS."""

LATENCY_RATE, LATENCY_SECONDS = 1_000, 2.0
PER_WRITE: Final = 100
TIMEOUT: Final = 2.0
"""Seconds without a message after which the rest is lost."""

SETTLE: Final = 0.5
ACKNOWLEDGEMENT: Final = 4
"""Bytes."""

MARGIN: Final = 0.1
"""Milliseconds that a message may take longer through the bridge."""

CONNECT: Final = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01p"


class Publisher:
    """The least that publishes numbers to the topic ``t``: faster than any receiver."""

    def __init__(self, port: int, qos: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port))
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.sendall(CONNECT)
        self._sock.recv(4)
        self._qos = qos
        self._sent = 0
        self._missing = 0
        """Bytes of acknowledgements that are still to come."""

    def publish(self, payloads: list[bytes]) -> None:
        data = []
        for payload in payloads:
            number = struct.pack(">H", self._sent % 65_535 + 1) if self._qos else b""
            self._sent += 1
            body = b"\0\1t" + number + payload
            data.append(bytes((0x30 | self._qos << 1, len(body))) + body)
        self._sock.sendall(b"".join(data))
        self._missing += ACKNOWLEDGEMENT * len(payloads) * self._qos
        self._read(socket.MSG_DONTWAIT)

    def _read(self, flags: int = 0) -> None:
        try:
            while self._missing:
                self._missing -= len(self._sock.recv(65_536, flags))
        except BlockingIOError:
            pass

    def close(self) -> None:
        self._read()
        self._sock.close()


def publish(port: int, qos: int, count: int, rate: int) -> None:
    """Publish the time, in a separate process; as fast as possible if the rate is 0."""
    publisher = Publisher(port, qos)
    begin, sent = time.perf_counter(), 0
    while sent < count:
        elapsed = time.perf_counter() - begin
        due = min(count, int(elapsed * rate) + 1 if rate else sent + PER_WRITE)
        if due > sent:
            publisher.publish([b"%d" % time.monotonic_ns()] * (due - sent))
            sent = due
        if rate:
            time.sleep(0.0002)
    publisher.close()


@contextmanager
def paho_relay(port: int, qos: int, to: int) -> Iterator[int]:
    """A relay with bare paho: its process."""
    command = [sys.executable, __file__, "relay", str(port), str(qos), str(to)]
    with running(command, "ready") as process:
        yield process.pid


def relay(port: int, qos: int, to: int) -> None:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(("127.0.0.1", to))

    def forward(_client: Client, _data: object, message: MQTTMessage) -> None:
        sock.send(HEAD + STAMP.pack(int(message.payload)))

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = forward
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", port)
    client.subscribe("t", qos)
    client.loop_forever()


@contextmanager
def our_relay(port: int, qos: int, to: int) -> Iterator[int]:
    """Our bridge: its process."""
    osc = free_port(socket.SOCK_DGRAM)
    with running_bridge(
        f'[bridge.unused]\nlisten = "udp://127.0.0.1:{osc}"\n'
        f'[endpoint.house]\ntype = "mqtt"\nbroker = "mqtt://127.0.0.1:{port}"\n'
        f'subscribe = [{{ topic = "t", qos = {qos} }}]\n'
        f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:{to}"\npolicy = "block"\n'
        f"{key('osc', 'queue')} = 1000000\n"
        '[[route]]\nfrom = "house"\nto = "desk"\n'
    ) as process:
        time.sleep(SETTLE)  # subscribed by then
        yield process.pid


RELAYS: Final = {"paho": paho_relay, "oscbridge": our_relay}


def deliver(port: int, qos: int, kind: str, rate: int) -> tuple[float, float, list[float]]:
    """Send from the broker over UDP: seconds and CPU seconds of all, and the delays in ms.

    Raises ``RuntimeError`` if messages are missing.
    """
    count = int(rate * LATENCY_SECONDS) if rate else COUNT[qos]
    delays = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        enlarge(sock)
        sock.settimeout(TIMEOUT + SETTLE)
        with RELAYS[kind](port, qos, sock.getsockname()[1]) as pid:
            before = cpu_seconds(pid)
            command = [sys.executable, __file__, "publish", *map(str, (port, qos, count, rate))]
            publisher = subprocess.Popen(command)
            try:
                for _ in range(count):
                    data = sock.recv(100)
                    now = time.monotonic_ns()
                    if not delays:
                        begin = now
                    delays.append((now - STAMP.unpack_from(data, len(HEAD))[0]) / 1e6)
            except TimeoutError:
                lost = count - len(delays)
                raise RuntimeError(f"{kind}, QoS {qos}: {lost} of {count} are missing") from None
            seconds, cpu = (now - begin) / 1e9, cpu_seconds(pid) - before
            publisher.wait()
    return seconds, cpu, sorted(delays)


def figures() -> Iterator[Figure]:
    with broker() as port:
        for qos, count in COUNT.items():
            deliver(port, qos, "oscbridge", LATENCY_RATE)
            seconds, cpu, _ = deliver(port, qos, "oscbridge", 0)
            yield from burst_figures(f"from a broker, QoS {qos}", count, seconds, cpu)


def goals() -> Iterator[Goal]:
    with broker() as port:
        for qos in COUNT:
            theirs, ours = [], []
            for _ in range(ROUNDS):
                theirs.append(paho_rate(port, qos))
                ours.append(BURST[qos] / measure_burst(port, qos)[0])
            yield _rate(f"OSC to a broker, QoS {qos}", ours, theirs)
            theirs, ours = [], []
            for _ in range(ROUNDS):
                theirs.append(statistics.median(latencies(port, qos, None)))
                ours.append(statistics.median(bridge_latencies(port, qos)))
            yield _latency(f"OSC to a broker, QoS {qos}", ours, theirs)
        for qos, count in COUNT.items():
            rates: dict[str, list[float]] = {kind: [] for kind in RELAYS}
            delays: dict[str, list[float]] = {kind: [] for kind in RELAYS}
            for _ in range(ROUNDS):
                for kind in RELAYS:
                    rates[kind].append(count / deliver(port, qos, kind, 0)[0])
                    paced = deliver(port, qos, kind, LATENCY_RATE)[2]
                    delays[kind].append(statistics.median(paced))
            name = f"from a broker to OSC, QoS {qos}"
            yield _rate(name, rates["oscbridge"], rates["paho"])
            yield _latency(name, delays["oscbridge"], delays["paho"])


def _rate(name: str, ours: list[float], theirs: list[float]) -> Goal:
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return Goal(f"{name}, without loss", mine, "messages/s", 0.8, "paho", peer, "higher")


def _latency(name: str, ours: list[float], theirs: list[float]) -> Goal:
    text = f"{name}, latency at {LATENCY_RATE:,}/s"
    mine, peer = statistics.median(ours), statistics.median(theirs)
    return Goal(text, mine, "ms", MARGIN, "paho", peer, compare="difference")


def report() -> None:
    show_goals(f"MQTT, median of {ROUNDS}", goals())


if __name__ == "__main__":
    run = {"publish": publish, "relay": relay}[sys.argv[1]]
    run(*map(int, sys.argv[2:]))
