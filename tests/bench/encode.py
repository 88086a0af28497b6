"""Encoding a message from Python values, compared with python-osc's builder."""

from __future__ import annotations

import statistics
import time
import timeit
from collections.abc import Callable, Iterator

from figures import Figure
from table import show

from oscbridge.osc import Message, encode_message, encode_values

ROUNDS = 7
CASES: dict[str, tuple[str, list[object]]] = {
    "/mixer/ch/01/fader ,f": ("/mixer/ch/01/fader", [0.5]),
    "/cue/go ,isf": ("/cue/go", [7, "intro", 2.5]),
    "/tracker/1 ,ffffff": ("/tracker/1", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
}


def microseconds(call: Callable[[], object], number: int) -> float:
    times = timeit.repeat(call, timer=time.process_time, number=number, repeat=ROUNDS)
    return statistics.median(times) / number * 1e6


def figures() -> Iterator[Figure]:
    for name, (address, args) in CASES.items():
        message = Message.of(address, *args)  # type: ignore[arg-type]
        values = microseconds(lambda: encode_values(address, args), 20_000)  # noqa: B023
        yield Figure(f"{name}, values", values, "µs/message", "lower")
        whole = microseconds(lambda: encode_message(message), 20_000)  # noqa: B023
        yield Figure(f"{name}, message", whole, "µs/message", "lower")


def report() -> None:
    from pythonosc.osc_message_builder import build_msg

    rows = []
    for name, (address, args) in CASES.items():
        message = Message.of(address, *args)  # type: ignore[arg-type]
        theirs = microseconds(lambda: build_msg(address, args).dgram, 2_000)  # noqa: B023
        ours = microseconds(lambda: encode_values(address, args), 20_000)  # noqa: B023
        again = microseconds(lambda: encode_message(message), 20_000)  # noqa: B023
        rows.append(
            [name, f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f} ×", f"{again:.2f}"]
        )
    show(
        "Encoding, µs of CPU time per message",
        ["message", "python-osc", "oscbridge", "times less", "a message made before"],
        rows,
    )
