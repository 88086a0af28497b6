"""The results of sections for docs/explanation/performance.md: goals, and capacities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from table import show

__all__ = ["Capacity", "Goal", "number", "show_capacities", "show_goals"]


@dataclass(frozen=True)
class Goal:
    """A figure of oscbridge with its goal, beside that of a peer in the same run if any."""

    name: str
    ours: float
    unit: str
    limit: float
    """For :attr:`value`: a ratio to the peer, a difference from it, or a figure in ``unit``."""
    peer: str = ""
    theirs: float | None = None
    better: Literal["lower", "higher"] = "lower"
    compare: Literal["ratio", "difference"] = "ratio"
    """How ``ours`` is compared with ``theirs``."""

    @property
    def value(self) -> float:
        """What must not exceed the limit, or not be below it."""
        if self.theirs is None:
            return self.ours
        if self.compare == "difference":
            return self.ours - self.theirs
        return self.ours / self.theirs if self.theirs else float("inf")

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """Name, ours, the peer's, the goal, and whether it is met."""
        theirs = "" if self.theirs is None else f"{self.peer} {number(self.theirs)} {self.unit}"
        sign = "≤" if self.better == "lower" else "≥"
        if self.theirs is None:
            goal, found = f"{sign} {number(self.limit)} {self.unit}", ""
        elif self.compare == "ratio":
            goal, found = f"{sign} {self.limit:g} ×", f" ({self.value:.2f} ×)"
        else:
            goal, found = f"{sign} {self.peer} + {self.limit:g} {self.unit}", ""
        verdict = "met" if self.is_met else "not met"
        return self.name, f"{number(self.ours)} {self.unit}{found}", theirs, goal, verdict


@dataclass(frozen=True)
class Capacity:
    """How many messages one combination handles without loss, and what each costs."""

    combination: str
    rate: float
    """Messages per second, on the wire at the end of the way."""
    cpu: float
    """Microseconds of CPU time per message, of all processes of the bridge."""

    @property
    def cells(self) -> tuple[str, str, str]:
        """Combination, rate and CPU time."""
        return self.combination, number(self.rate), number(self.cpu)


def number(value: float) -> str:
    """With as many digits as a measurement deserves: 1.34, 13.4, 134, 13,000."""
    if value >= 1_000:
        digits = 10 ** (len(str(int(value))) - 2)
        return f"{round(value / digits) * digits:,}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def show_goals(title: str, goals: Iterable[Goal]) -> None:
    """Print figures with their goals."""
    show(title, ("", "oscbridge", "peer", "goal", ""), [goal.cells for goal in goals])


def show_capacities(title: str, capacities: Iterable[Capacity]) -> None:
    """Print capacities."""
    columns = ("", "messages/s", "CPU, µs per message")
    show(title, columns, [capacity.cells for capacity in capacities])
