"""``tap`` clients that read nothing: what they cost a running bridge."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from oscbridge import Message, encode_message
from oscbridge.monitoring.control_server import MAX_STREAMS
from oscbridge.monitoring.traffic import MAX_WAITING

Start = Callable[..., Any]
Write = Callable[..., str]

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.mixer]
type = "osc"
to = "udp://127.0.0.1:9"
[[route]]
from = "stage"
to = "mixer"
"""

COUNT = 40_000
BURST = 100
INTERVAL = 0.01
"""Seconds between bursts."""

SPARE = 1.25
"""Bytes that a growing buffer reserves for each byte in it, at most."""

OVERHEAD = 8 << 20
"""Bytes for everything but the lines that wait: allocator, caches, buffers of transports."""


class Control:
    """The control socket of a running bridge."""

    def __init__(self, folder: Path) -> None:
        (self._path,) = folder.glob("*.sock")

    def connect(self, command: str) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(self._path))
        client.sendall(json.dumps({"command": command}).encode() + b"\n")
        return client

    def status(self) -> dict[str, Any]:
        with self.connect("status") as client, client.makefile() as lines:
            found: dict[str, Any] = json.loads(lines.readline())["status"]
            return found


def resident(pid: int) -> int:
    """Bytes of memory that a process uses."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [each for each in lines if each.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def send(port: int) -> None:
    packet = encode_message(Message.of("/x", bytes(400)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        due = time.monotonic()
        for _ in range(COUNT // BURST):
            for _ in range(BURST):
                sock.send(packet)
            due += INTERVAL
            time.sleep(max(0.0, due - time.monotonic()))


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def run(start: Start, path: str, environment: dict[str, str]) -> tuple[Any, int, Control]:
    """A program that is ready, the port of its bridge, and its control socket."""
    program = start("run", path)
    port = int(program.wait_for(r"stage +udp://127\.0\.0\.1:(\d+)")[1])
    program.wait_for("Ctrl-C stops it")
    return program, port, Control(Path(environment["OSCBRIDGE_RUNTIME_DIR"]))


def lost(control: Control) -> int:
    """Wait until all datagrams are received or lost. How many the kernel dropped."""
    deadline = time.monotonic() + 20
    while True:
        received = control.status()["bridges"][0]["received"]
        if received["messages"] + received["kernel_dropped"] >= COUNT:
            return int(received["kernel_dropped"])
        assert time.monotonic() < deadline, received
        time.sleep(0.1)


def attach(clients: ExitStack, control: Control) -> None:
    """As many clients as there can be, which read nothing more."""
    for _ in range(MAX_STREAMS):
        client = clients.enter_context(control.connect("tap"))
        assert client.recv(8)  # it is attached


@pytest.mark.load
def test_idle_tap_clients_cost_bounded_memory_and_no_datagram(
    start: Start, write: Write, environment: dict[str, str], clients: ExitStack
) -> None:
    path = write(CONFIGURATION)
    unwatched, port, control = run(start, path, environment)
    send(port)
    usual = lost(control)
    unwatched.close()
    program, port, control = run(start, path, environment)
    before = resident(program.process.pid)
    attach(clients, control)
    send(port)
    full = resident(program.process.pid)
    with_clients = lost(control)
    clients.close()
    attach(clients, control)
    send(port)
    again = resident(program.process.pid)
    assert with_clients <= usual
    assert full - before < MAX_STREAMS * MAX_WAITING * SPARE + OVERHEAD
    assert again < full + OVERHEAD  # it is used again, though the allocator may keep it
