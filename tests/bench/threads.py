"""The threading server at a steady rate: lost messages."""

from __future__ import annotations

import itertools
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from threading import Event

from drain import MESSAGES as FULL
from drain import enlarge, fill
from figures import Figure
from table import show

SECONDS = 2.0
ROUNDS, TIMEOUT = 15, 10.0
RUNS = (
    ("pythonosc", 5_000),
    ("pythonosc", 10_000),
    ("oscbridge", 5_000),
    ("oscbridge", 10_000),
    ("oscbridge", 50_000),
)
PACKET = b"/mixer/ch/0000/fader\0\0\0\0,f\0\0\x3f\0\0\0"


def send(port: int, rate: int) -> int:
    """Send at a rate for a while, in a separate process. Returns the number of messages."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        begin, sent, total = time.perf_counter(), 0, int(rate * SECONDS)
        while sent < total:
            due = min(total, int((time.perf_counter() - begin) * rate) + 1)
            while sent < due:
                sender.send(PACKET)
                sent += 1
            time.sleep(0.0002)
    return sent


def measure(package: str, rate: int) -> tuple[int, int]:
    if package == "oscbridge":
        from oscbridge.dispatcher import Dispatcher
        from oscbridge.osc_server import ThreadingOSCUDPServer
    else:
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import ThreadingOSCUDPServer
    counter = iter(range(1 << 62))
    dispatcher = Dispatcher()
    dispatcher.map("/mixer/ch/0000/fader", lambda _address, _value: next(counter) and None)
    with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        command = [sys.executable, __file__, "send", str(server.server_address[1]), str(rate)]
        sent = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        time.sleep(0.5)  # messages in transit arrive
        server.shutdown()
        thread.join()
    return sent, next(counter)


def run(package: str, rate: int) -> tuple[int, int]:
    """The numbers of sent and handled messages, with a server in a separate process."""
    command = [sys.executable, __file__, "measure", package, str(rate)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    sent, received = json.loads(done.stdout)
    return sent, received


def drain() -> float:
    """Messages per second that a server handles whose socket is full at the start."""
    from oscbridge.dispatcher import Dispatcher
    from oscbridge.osc_server import ThreadingOSCUDPServer

    found = []
    for _ in range(ROUNDS):
        handled, done = itertools.count(1), Event()
        dispatcher = Dispatcher()

        def handle(
            _address: str, _value: float, handled: Iterator[int] = handled, done: Event = done
        ) -> None:
            if next(handled) == FULL:
                done.set()

        dispatcher.map("/mixer/ch/0000/fader", handle)
        with ThreadingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server:
            enlarge(server.socket)
            fill(server.server_address[1])
            thread = threading.Thread(target=server.serve_forever)
            begin = time.perf_counter()
            thread.start()
            if not done.wait(TIMEOUT):
                raise RuntimeError(f"fewer than {FULL} messages were handled")
            found.append(FULL / (time.perf_counter() - begin))
            server.shutdown()
            thread.join()
    return statistics.median(found)


def figures() -> Iterator[Figure]:
    yield Figure("full socket", drain(), "messages/s", "higher")


def report() -> None:
    rows = []
    for package, rate in RUNS:
        sent, received = run(package, rate)
        name = {"pythonosc": "python-osc"}.get(package, package)
        rows.append([name, f"{rate:,}", f"{sent:,}", f"{(sent - received) / sent:.1%}"])
    show(
        f"Threading server, an empty handler, {SECONDS:g} s",
        ["receiver", "messages/s", "sent", "lost"],
        rows,
    )


if __name__ == "__main__":
    if sys.argv[1] == "send":
        print(send(int(sys.argv[2]), int(sys.argv[3])))
    else:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))
