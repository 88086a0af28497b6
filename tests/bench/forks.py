"""The forking server: messages per second, with a process per message and with reused ones."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from drain import enlarge
from figures import Figure
from harness import burst_figures, cpu_seconds_of_family
from measured import Goal, show_goals
from table import show

MESSAGES = 1_000
ROUNDS = 5
PACKET = b"/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0\0"


class Case(NamedTuple):
    """A server and what it handles."""

    package: str = "oscbridge"
    messages: int = MESSAGES
    max_messages_per_child: int = 1
    max_children: int = 40
    work_ms: int = 0
    """CPU time of a handler."""


THEIRS = Case("pythonosc")
OURS = Case()
REUSED = Case(messages=5_000, max_messages_per_child=1_000)
ONE_CORE, TWO_CORES = (
    Case(max_messages_per_child=1_000, max_children=children, work_ms=2) for children in (1, 2)
)


def serve(case: Case) -> None:
    """Fill the socket, wait for a line, then serve; each handler writes a dot."""
    if case.package == "oscbridge":
        from oscbridge.dispatcher import Dispatcher
        from oscbridge.osc_server import ForkingOSCUDPServer
    else:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ForkingOSCUDPServer
    from drain import socket

    def handle(_address: str, _value: float) -> None:
        end = time.process_time() + case.work_ms / 1e3
        while case.work_ms and time.process_time() < end:
            pass
        os.write(1, b".")

    dispatcher = Dispatcher()
    dispatcher.map("/mixer/ch/0000/fader", handle)
    server = ForkingOSCUDPServer(("127.0.0.1", 0), dispatcher)
    server.max_children = case.max_children
    server.max_messages_per_child = case.max_messages_per_child
    enlarge(server.socket)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(case.messages):
            sender.sendto(PACKET, server.server_address)
    os.write(1, b"\n")
    sys.stdin.readline()
    server.serve_forever()


def measure(case: Case) -> tuple[float, float]:
    """Seconds, and CPU seconds, until all messages are handled."""
    process = subprocess.Popen(
        [sys.executable, __file__, *map(str, case)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    output = process.stdout.fileno()
    os.read(output, 1)
    before = cpu_seconds_of_family(process.pid)
    begin = time.perf_counter()
    process.stdin.write(b"\n")
    process.stdin.flush()
    seen = 0
    while seen < case.messages:
        seen += len(os.read(output, 65536))
    seconds = time.perf_counter() - begin
    cpu = cpu_seconds_of_family(process.pid) - before
    process.kill()
    process.communicate()
    return seconds, cpu


def figures() -> Iterator[Figure]:
    yield from burst_figures("a process per message", MESSAGES, *measure(OURS))


def rates(*cases: Case) -> list[float]:
    """Messages per second, the median for each case; the cases are measured alternately."""
    found: dict[Case, list[float]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case, each in found.items():
            each.append(case.messages / measure(case)[0])
    return [statistics.median(each) for each in found.values()]


def goals() -> Iterator[Goal]:
    theirs, reused = rates(THEIRS, REUSED)
    yield Goal(
        "forking server with `max_messages_per_child = 1000`",
        *(reused, "messages/s", 20.0, "python-osc", theirs, "higher"),
    )
    one, two = rates(ONE_CORE, TWO_CORES)
    yield Goal(
        "the same, handlers that compute for 2 ms, two children",
        *(two, "messages/s", 1.8, "one child", one, "higher"),
    )


def report() -> None:
    theirs, ours = rates(THEIRS, OURS)
    show(
        f"Forking server, a process per message, a full socket, median of {ROUNDS}",
        ["receiver", "messages/s"],
        [["python-osc", f"{theirs:,.0f}"], ["oscbridge", f"{ours:,.0f}"]],
    )
    show_goals(f"Forking server, median of {ROUNDS}", goals())


if __name__ == "__main__":
    serve(Case(sys.argv[1], *map(int, sys.argv[2:])))
