"""How two revisions compare: ratios of paired rounds, and their verdict about a limit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["MIN_ROUNDS", "Interval", "interval", "verdict"]

CONFIDENCE = 0.95
MIN_ROUNDS = 6
"""With fewer no interval reaches the confidence."""


@dataclass(frozen=True)
class Interval:
    """A ratio new/base and its 95 % confidence interval."""

    ratio: float
    low: float
    high: float


def interval(ratios: Sequence[float]) -> Interval:
    """The median of ratios, and the interval that the sign test gives it.

    It assumes nothing about how the ratios are distributed, and a few outliers, as other load
    on the machine makes them, do not move it. Raises ``ValueError`` with fewer than
    :data:`MIN_ROUNDS` ratios. Source: Hollander, Wolfe, Chicken, Nonparametric Statistical
    Methods, 3rd edition, section 3.6.
    """
    count = len(ratios)
    if count < MIN_ROUNDS:
        raise ValueError(f"{count} rounds; at least {MIN_ROUNDS} are needed")
    ordered = sorted(ratios)
    skip, tail = 0, 1 / 2**count  # ratios to omit on each side
    while tail + math.comb(count, skip + 1) / 2**count <= (1 - CONFIDENCE) / 2:
        skip += 1
        tail += math.comb(count, skip) / 2**count
    return Interval(statistics.median(ordered), ordered[skip], ordered[-1 - skip])


Verdict = Literal["worse", "unclear", "not worse", "better"]


def verdict(found: Interval, better: str, limit: float) -> Verdict:
    """The verdict of an interval; ``limit`` is the tolerated worsening of a figure, e.g. 0.05.

    ``worse``: by more than the limit. ``unclear``: perhaps; more rounds are needed.
    ``better``: certainly better than before. ``not worse``: certainly not by more than the limit.
    """
    # How many times as bad, at best and at worst.
    least, most = (found.low, found.high) if better == "lower" else (1 / found.high, 1 / found.low)
    if least > 1 + limit:
        return "worse"
    if most < 1:
        return "better"
    return "not worse" if most <= 1 + limit else "unclear"
