"""UDP to WebSocket clients at the rates of a show, beside a relay of npm osc: goals.

The same as the section ``shows``, without the details.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from dashboards import latencies
from goals import goal_beside_relay
from measured import Goal, show_goals
from shows import (
    LOADS,
    MEDIAN_SHARE,
    PROGRAMS,
    ROUNDS,
    TAIL_SHARE,
    WITH_STEPS,
    Ports,
    Start,
    cpu_per_message,
)

OURS: Final = {"": "oscbridge", ", three steps": "with three steps"}
"""Texts that are appended to the name of a load, and the program."""


def _goal(
    name: str, unit: str, found: dict[str, float], share: float, ours: str = "oscbridge"
) -> Goal:
    return goal_beside_relay(name, found[ours], unit, found["relay"], found["floor"], share)


def medians(
    programs: dict[str, Start], measure: Callable[[str, Ports], Sequence[float]]
) -> Iterator[dict[str, float]]:
    """The medians of each program, one dictionary per figure that ``measure`` returns."""
    found: dict[str, list[Sequence[float]]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, start in programs.items():
            with start() as ports:
                found[name].append(measure(name, ports))
    by_name = {name: [statistics.median(each) for each in zip(*rounds, strict=True)]
               for name, rounds in found.items()}  # fmt: skip
    for figures in zip(*by_name.values(), strict=True):
        yield dict(zip(by_name, figures, strict=True))


def cpu(name: str, ports: Ports, rate: int, clients: int) -> Sequence[float]:
    """Microseconds per message."""
    return [cpu_per_message(ports, rate, clients, may_lose=name == "relay")]


def latency(_name: str, ports: Ports) -> tuple[float, float]:
    """Milliseconds, the median and the 99th percentile."""
    udp, web, _ = ports
    latencies(udp, web)  # to warm up
    found = latencies(udp, web)
    return statistics.median(found), found[int(len(found) * 0.99)]


def goals() -> Iterator[Goal]:
    for (rate, clients), share in LOADS.items():
        measured = partial(cpu, rate=rate, clients=clients)
        (found,) = medians(PROGRAMS | WITH_STEPS, measured)
        text = f"{rate:,}/s to {clients} client{'s' * (clients > 1)}"
        for suffix, ours in OURS.items():
            yield _goal(f"{text}{suffix}, CPU time per message", "µs", found, share, ours)
    middle, tail = medians(PROGRAMS, latency)
    yield _goal("1,000/s to 1 client, latency, median", "ms", middle, MEDIAN_SHARE)
    yield _goal("1,000/s to 1 client, latency, 99th percentile", "ms", tail, TAIL_SHARE)


def report() -> None:
    show_goals(f"UDP to WebSocket clients at the rates of a show, median of {ROUNDS}", goals())
