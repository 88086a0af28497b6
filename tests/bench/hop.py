"""UDP to WebSocket through two bridges and a NATS server, compared with one bridge."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboards import LATENCY_RATE, LATENCY_ROUNDS, bridge, highest, measure_latency
from figures import Figure
from harness import free_port, running_bridge
from table import show

SETTLE = 0.5
"""Seconds in which both bridges connect to the server."""


@contextmanager
def server() -> Iterator[str]:
    """A NATS server: its URL."""
    port = free_port(socket.SOCK_STREAM)
    program = Path(sys.executable).with_name("nats-server")
    quiet = subprocess.DEVNULL
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield f"nats://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(5)


@contextmanager
def hop() -> Iterator[tuple[int, int]]:
    """An ingest bridge and a web bridge: the UDP port and the WebSocket port."""
    udp, web = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_STREAM)
    with (
        server() as url,
        running_bridge(
            f'[endpoint.hub]\ntype = "nats"\nservers = "{url}"\nsubscribe = ["osc.>"]\n'
            f'[endpoint.web]\ntype = "websocket"\nlisten = "127.0.0.1:{web}"\nqueue = 100000\n'
            '[[route]]\nfrom = "hub"\nto = "web"\n'
        ),
        running_bridge(
            f'[bridge.osc]\nlisten = "udp://127.0.0.1:{udp}"\n'
            f'[endpoint.hub]\ntype = "nats"\nservers = "{url}"\nqueue = 100000\n'
        ),
    ):
        time.sleep(SETTLE)
        yield udp, web


def figures() -> Iterator[Figure]:
    with hop() as ports:
        median, tail = measure_latency(ports, 1)
    yield Figure(f"latency at {LATENCY_RATE}/s, median", median, "ms", "lower")
    yield Figure(f"latency at {LATENCY_RATE}/s, 99 %", tail, "ms", "lower")


def report() -> None:
    rows = []
    for name, start in (("one bridge", bridge), ("two bridges and NATS", hop)):
        with start() as ports:
            median, tail = measure_latency(ports, LATENCY_ROUNDS)
        rows.append([name, f"{median:.2f}", f"{tail:.2f}", f"{highest(start, 1):,}"])
    show(
        f"UDP to a WebSocket client: ms at {LATENCY_RATE}/s, and messages/s without loss",
        ["", "median", "99th percentile", "highest rate"],
        rows,
    )
