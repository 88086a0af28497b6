"""TCP: one connection, both framings, messages per second."""

from __future__ import annotations

import asyncio
import json
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from figures import Figure
from table import show

MESSAGES = 20_000
ROUNDS = 5
KINDS = ("blocking", "asyncio")
FRAMINGS = {"1.0": "length prefix", "1.1": "SLIP"}
PACKET = b"/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0\0"
FRAMES = {"1.0": struct.pack(">i", len(PACKET)) + PACKET, "1.1": b"\xc0" + PACKET + b"\xc0"}


def measure(package: str, kind: str, mode: str) -> float:
    """Seconds from the first byte sent to the last message handled."""
    if package == "oscbridge":
        from oscbridge.dispatcher import Dispatcher
        from oscbridge.osc_tcp_server import AsyncOSCTCPServer, BlockingOSCTCPServer
    else:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_tcp_server import AsyncOSCTCPServer, BlockingOSCTCPServer
    data = FRAMES[mode] * MESSAGES
    seen, done = [0], threading.Event()

    def handle(_address: str, _value: float) -> None:
        seen[0] += 1
        if seen[0] == MESSAGES:
            done.set()

    dispatcher = Dispatcher()
    dispatcher.map("/mixer/ch/0000/fader", handle)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if kind == "blocking":
        server = BlockingOSCTCPServer(("127.0.0.1", port), dispatcher, mode)
        target = server.serve_forever
    else:
        server = AsyncOSCTCPServer("127.0.0.1", port, dispatcher, mode)

        def target() -> None:
            asyncio.run(server.start())

    threading.Thread(target=target, daemon=True).start()
    while True:
        try:
            client = socket.create_connection(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
    begin = time.perf_counter()
    client.sendall(data)
    done.wait(60)
    seconds = time.perf_counter() - begin
    client.close()
    if seen[0] < MESSAGES:
        raise RuntimeError(f"{package} {kind} {mode}: {seen[0]} of {MESSAGES} arrived")
    return seconds


def rate(package: str, kind: str, mode: str) -> float:
    """Messages per second, the median of some rounds."""
    command = [sys.executable, __file__, package, kind, mode]
    times = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(ROUNDS)
    ]
    return MESSAGES / statistics.median(times)


def figures() -> Iterator[Figure]:
    for kind in KINDS:
        for mode, framing in FRAMINGS.items():
            found = rate("oscbridge", kind, mode)
            yield Figure(f"{kind}, {framing}", found, "messages/s", "higher")


def report() -> None:
    rows = []
    for kind in KINDS:
        for mode, framing in FRAMINGS.items():
            rates = {package: rate(package, kind, mode) for package in ("pythonosc", "oscbridge")}
            theirs, ours = rates["pythonosc"], rates["oscbridge"]
            rows.append(
                [f"{kind}, {framing}", f"{theirs:,.0f}", f"{ours:,.0f}", f"{ours / theirs:.1f} ×"]
            )
    show(
        f"TCP, one connection, {MESSAGES} messages, messages/s (median of {ROUNDS})",
        ["server", "python-osc", "oscbridge", "times as many"],
        rows,
    )


if __name__ == "__main__":
    print(measure(*sys.argv[1:4]))
    sys.stdout.flush()
    import os

    os._exit(0)
