"""The forking server: messages per second, each handled in its own process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from drain import enlarge
from figures import Figure
from harness import burst_figures, cpu_seconds_of_family
from table import show

MESSAGES = 1_000
ROUNDS = 7
PACKET = b"/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0\0"


def serve(package: str) -> None:
    """Fill the socket, wait for a line, then serve; every child writes a dot."""
    if package == "oscbridge":
        from oscbridge.dispatcher import Dispatcher
        from oscbridge.osc_server import ForkingOSCUDPServer
    else:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ForkingOSCUDPServer
    from drain import socket

    dispatcher = Dispatcher()
    dispatcher.map("/mixer/ch/0000/fader", lambda _address, _value: os.write(1, b".") and None)
    server = ForkingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    enlarge(server.socket)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(MESSAGES):
            sender.sendto(PACKET, server.server_address)
    os.write(1, b"\n")
    sys.stdin.readline()
    server.serve_forever()


def measure(package: str) -> tuple[float, float]:
    """Seconds, and CPU seconds, until all messages are handled."""
    process = subprocess.Popen(
        [sys.executable, __file__, package], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    output = process.stdout.fileno()
    os.read(output, 1)
    before = cpu_seconds_of_family(process.pid)
    begin = time.perf_counter()
    process.stdin.write(b"\n")
    process.stdin.flush()
    seen = 0
    while seen < MESSAGES:
        seen += len(os.read(output, 65536))
    seconds = time.perf_counter() - begin
    cpu = cpu_seconds_of_family(process.pid) - before
    process.kill()
    process.communicate()
    return seconds, cpu


def figures() -> Iterator[Figure]:
    yield from burst_figures("a process per message", MESSAGES, *measure("oscbridge"))


def report() -> None:
    found: dict[str, list[float]] = {"pythonosc": [], "oscbridge": []}
    for _ in range(ROUNDS):
        for package, rates_found in found.items():  # alternately
            rates_found.append(MESSAGES / measure(package)[0])
    rates = {package: statistics.median(each) for package, each in found.items()}
    theirs, ours = rates["pythonosc"], rates["oscbridge"]
    show(
        f"Forking server, {MESSAGES} messages in a full socket, median of {ROUNDS}",
        ["receiver", "messages/s", "times as many"],
        [
            ["python-osc", f"{theirs:,.0f}", ""],
            ["oscbridge", f"{ours:,.0f}", f"{ours / theirs:.1f} ×"],
        ],
    )


if __name__ == "__main__":
    serve(sys.argv[1])
