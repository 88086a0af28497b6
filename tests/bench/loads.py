"""UDP to WebSocket clients at the rates of a show, beside a relay of npm osc: goals.

The same as the section ``shows``, in fewer rounds and without the details.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Final

from measured import Goal, show_goals
from shows import Start, bridge, cpu_per_message, floor, measure_latency, relay

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


def goals() -> Iterator[Goal]:
    for rate, clients in LOADS:
        found: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        for _ in range(ROUNDS):
            for name, start in PROGRAMS.items():
                with start() as ports:
                    found[name].append(cpu_per_message(ports, rate, clients))
        medians = {name: statistics.median(each) for name, each in found.items()}
        text = f"{rate:,}/s to {clients} client{'s' * (clients > 1)}, CPU time per message"
        yield goal(text, "µs", medians, CPU_SHARE)
    latency = measure_latency(PROGRAMS)
    for index, text, share in ((0, "median", MEDIAN_SHARE), (1, "99th percentile", TAIL_SHARE)):
        each = {name: values[index] for name, values in latency.items()}
        yield goal(f"1,000/s to 1 client, latency, {text}", "ms", each, share)


def report() -> None:
    show_goals(f"UDP to WebSocket clients at the rates of a show, median of {ROUNDS}", goals())
