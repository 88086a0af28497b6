"""UDP to WebSocket clients at the rates of a show, beside a relay of npm osc: goals.

The same as the section ``shows``, in fewer rounds and without the details.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dashboards import latencies
from measured import Goal, show_goals
from shows import Ports, Start, bridge, cpu_per_message, floor, relay

ROUNDS: Final = 3
LOADS: Final = ((1_000, 1), (250, 20), (2_500, 20))
"""Messages per second, and clients."""

CPU_SHARE, MEDIAN_SHARE, TAIL_SHARE = 0.7, 1.0, 0.7
"""What the goals are of the relay's figures."""

MARGIN: Final = 1.25
"""Times the floor that is the goal, where a share of the relay's figure is below the floor."""

RELAY, FLOOR, OURS = "relay", "floor", "oscbridge"
PROGRAMS: Final[dict[str, Start]] = {FLOOR: floor, RELAY: relay, OURS: bridge}


def goal(name: str, unit: str, found: dict[str, float], share: float) -> Goal:
    """No program in Python can be below the floor; the relay is always the limit."""
    theirs, least = found[RELAY], found[FLOOR]
    limit = share if share * theirs >= least else min(1.0, MARGIN * least / theirs)
    return Goal(name, found[OURS], unit, round(limit, 2), RELAY, theirs)


def medians(measure: Callable[[Ports], Sequence[float]]) -> Iterator[dict[str, float]]:
    """The medians of each program, one dictionary per figure that ``measure`` returns.

    The floor needs no precision: it is measured once.
    """
    found: dict[str, list[Sequence[float]]] = {name: [] for name in PROGRAMS}
    for number in range(ROUNDS):
        for name, start in PROGRAMS.items():
            if number == 0 or name != FLOOR:
                with start() as ports:
                    found[name].append(measure(ports))
    by_name = {name: [statistics.median(each) for each in zip(*rounds, strict=True)]
               for name, rounds in found.items()}  # fmt: skip
    for figures in zip(*by_name.values(), strict=True):
        yield dict(zip(by_name, figures, strict=True))


def latency(ports: Ports) -> tuple[float, float]:
    """Milliseconds, the median and the 99th percentile."""
    udp, web, _ = ports
    latencies(udp, web)  # to warm up
    found = latencies(udp, web)
    return statistics.median(found), found[int(len(found) * 0.99)]


def goals() -> Iterator[Goal]:
    for rate, clients in LOADS:
        (found,) = medians(lambda ports: [cpu_per_message(ports, rate, clients)])  # noqa: B023
        text = f"{rate:,}/s to {clients} client{'s' * (clients > 1)}, CPU time per message"
        yield goal(text, "µs", found, CPU_SHARE)
    middle, tail = medians(latency)
    yield goal("1,000/s to 1 client, latency, median", "ms", middle, MEDIAN_SHARE)
    yield goal("1,000/s to 1 client, latency, 99th percentile", "ms", tail, TAIL_SHARE)


def report() -> None:
    show_goals(f"UDP to WebSocket clients at the rates of a show, median of {ROUNDS}", goals())
