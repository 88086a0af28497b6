"""How many messages a second the bridge takes from one side to the other, and their CPU time.

The messages come over TCP or from a broker, as fast as the bridge reads them; every message must
arrive. So these are the rates at which one core is busy.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Final

import brokers
import dashboards
import forks
import midi
import mqtt
from drain import enlarge
from figures import Figure
from harness import burst, burst_figures, cpu_seconds, free_port, running_bridge
from measured import Capacity, show_capacities

COUNT: Final = 60_000
TIMEOUT: Final = 10.0
PACKET: Final = b"/1/fader3\0\0\0,f\0\0\x3f\0\0\0"
STEPS: Final = 'match = "/1/fader{n}"\nscale = [0.0, 1.0, 0, 127]\nsend = "/control 1 {n} {0}"\n'

Found = tuple[float, float]
"""Seconds and CPU seconds."""


def to_osc(mode: str, route: str = "") -> Found:
    """OSC over TCP to OSC over UDP."""
    tcp = free_port(socket.SOCK_STREAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(TIMEOUT)
        enlarge(sock)
        with running_bridge(
            f'[bridge.osc]\nlisten = "tcp+1.0://127.0.0.1:{tcp}"\nmode = "{mode}"\n'
            '[endpoint.desk]\ntype = "osc"\npolicy = "block"\n'
            f'to = "udp://127.0.0.1:{sock.getsockname()[1]}"\n'
            f'[[route]]\nfrom = "osc"\nto = "desk"\n{route}'
        ) as process:
            before = cpu_seconds(process.pid)
            sending = burst(tcp, PACKET, COUNT)
            sock.recv(100)
            began = time.perf_counter()
            for _ in range(COUNT - 1):
                sock.recv(100)
            seconds, cpu = time.perf_counter() - began, cpu_seconds(process.pid) - before
            sending.wait()
    return seconds, cpu


def from_broker(qos: int) -> Found:
    with mqtt.broker() as port:
        seconds, cpu, _ = brokers.deliver(port, qos, "oscbridge", 0)
    return seconds, cpu


def to_broker(qos: int) -> Found:
    with mqtt.broker() as port:
        return mqtt.measure_burst(port, qos)


COMBINATIONS: Final[dict[str, tuple[int, Callable[[], Found]]]] = {
    "OSC over TCP to OSC over UDP": (COUNT, lambda: to_osc("asyncio")),
    "the same with match, scale and send": (COUNT, lambda: to_osc("asyncio", STEPS)),
    "the same, blocking, without steps": (COUNT, lambda: to_osc("blocking")),
    "the same, threading, without steps": (COUNT, lambda: to_osc("threading")),
    "OSC over TCP to 1 WebSocket client": (
        dashboards.BURST[1],
        lambda: dashboards.measure_burst(1),
    ),
    "OSC over TCP to 50 WebSocket clients, each": (
        dashboards.BURST[50],
        lambda: dashboards.measure_burst(50),
    ),
    "OSC over TCP to MQTT, QoS 0": (mqtt.BURST[0], lambda: to_broker(0)),
    "OSC over TCP to MQTT, QoS 1": (mqtt.BURST[1], lambda: to_broker(1)),
    "MQTT, QoS 0, to OSC over UDP": (brokers.COUNT[0], lambda: from_broker(0)),
    "MQTT, QoS 1, to OSC over UDP": (brokers.COUNT[1], lambda: from_broker(1)),
    "OSC over TCP to MIDI over TCP": (midi.MANY, lambda: midi.measure_burst("tcp+1.0")),
    "forking server, a process per message": (
        forks.OURS.messages,
        lambda: forks.measure(forks.OURS),
    ),
    "forking server, `max_messages_per_child = 1000`": (
        forks.REUSED.messages,
        lambda: forks.measure(forks.REUSED),
    ),
}
"""The number of messages, and a function that measures."""


def capacities() -> Iterator[Capacity]:
    for name, (count, measure) in COMBINATIONS.items():
        seconds, cpu = measure()
        yield Capacity(name, count / seconds, cpu / count * 1e6)


def figures() -> Iterator[Figure]:
    for name, (count, measure) in COMBINATIONS.items():
        yield from burst_figures(name, count, *measure())


def report() -> None:
    show_capacities("Without loss", capacities())
