"""Receive + decode + dispatch of different packets: the CPU time, compared with liblo in C.

The sockets are full at the start. Receivers alternate; every figure is the median of the rounds.
"""

from __future__ import annotations

import json
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from drain import MESSAGES, compile_liblo, enlarge, run, socket
from figures import Figure
from measured import Goal, show_goals

TURNS: Final = 3
ROUNDS: Final = 9
WARM_UP: Final = 3
"""Rounds that are not measured: in them 10,000 heads are seen for the first time."""

PEER: Final = "liblo"


def text(value: str) -> bytes:
    """An OSC string."""
    data = value.encode() + b"\0"
    return data + bytes(-len(data) % 4)


def address(index: int) -> str:
    return f"/mixer/ch/{index:04d}/fader"


@dataclass(frozen=True)
class Case:
    """Packets of messages to mapped addresses, in rotation."""

    types: str
    arguments: bytes
    addresses: int = 1
    in_bundle: int = 0
    """Messages in each bundle; 0 without bundles."""

    @property
    def packets(self) -> list[bytes]:
        """As many as are sent until the first one comes again."""
        messages = [
            text(address(index)) + text(f",{self.types}") + self.arguments
            for index in range(self.addresses)
        ]
        if not self.in_bundle:
            return messages
        elements = [struct.pack(">i", len(each)) + each for each in messages]
        return [b"#bundle\0\0\0\0\0\0\0\0\1" + b"".join(elements * self.in_bundle)]


CASES: Final = {
    "one address, `f`": Case("f", struct.pack(">f", 0.5)),
    "10,000 addresses in rotation, `f`": Case("f", struct.pack(">f", 0.5), addresses=10_000),
    "8 arguments, `ffffffff`": Case("f" * 8, struct.pack(">8f", *range(8))),
    "8 arguments, `ifififif`": Case("if" * 4, struct.pack(">" + "if" * 4, *range(8))),
    "one string": Case("s", text("The third cue of the show")),
    "two strings and a number": Case("ssi", text("intro") + text("left") + struct.pack(">i", 3)),
    "bundles of 20 messages, `f`": Case("f", struct.pack(">f", 0.5), in_bundle=20),
}
ONE, MANY = "one address, `f`", "10,000 addresses in rotation, `f`"


def measure(case: Case) -> list[float]:
    """CPU seconds of each round."""
    from oscbridge.dispatcher import Dispatcher
    from oscbridge.osc_server import BlockingOSCUDPServer

    left, times = MESSAGES, []
    dispatcher = Dispatcher()

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            server.request_shutdown()

    for index in range(case.addresses):
        dispatcher.map(address(index), count)
    packets = cycle(case.packets)
    with (
        BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        enlarge(server.socket)
        sender.connect(server.server_address)
        for _ in range(ROUNDS + WARM_UP):
            left = MESSAGES
            for packet in islice(packets, MESSAGES // max(1, case.in_bundle)):
                sender.send(packet)
            begin = time.process_time()
            server.serve_forever()
            times.append(time.process_time() - begin)
    return times[WARM_UP:]


def command(name: str, program: str = "") -> list[str]:
    """Ours, or that of a compiled program with liblo."""
    case = CASES[name]
    if not program:
        return [sys.executable, __file__, name]
    (packet,) = case.packets
    words = ["1", str(MESSAGES), str(ROUNDS), case.types, packet.hex(), str(case.in_bundle or 1)]
    return [program, *words]


def costs(turns: int, program: str) -> dict[tuple[str, str], float]:
    """Microseconds per message, by case and receiver."""
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(turns):
        for name, case in CASES.items():
            found.setdefault((name, ""), []).extend(run(command(name)))
            if program and case.addresses == 1:
                found.setdefault((name, PEER), []).extend(run(command(name, program)))
    return {key: statistics.median(each) / MESSAGES * 1e6 for key, each in found.items()}


def figures() -> Iterator[Figure]:
    for (name, _), cost in costs(1, "").items():
        yield Figure(name, cost, "µs/message", "lower")


def goals() -> Sequence[Goal]:
    with tempfile.TemporaryDirectory() as folder:
        found = costs(TURNS, compile_liblo(folder))
    start = "receive, "
    made = [
        Goal(f"{start}{name}", found[name, ""], "µs", 1.0, PEER, found[name, PEER])
        for name in CASES
        if name not in (ONE, MANY)
    ]
    many = Goal(f"{start}{MANY}", found[MANY, ""], "µs", 1.3, "one address", found[ONE, ""])
    return [many, *made]


def report() -> None:
    show_goals("UDP: receive + decode + dispatch, µs of CPU time per message", goals())


if __name__ == "__main__":
    print(json.dumps(measure(CASES[sys.argv[1]])))
