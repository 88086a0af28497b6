"""Which control was moved: the best candidate, the others, and why. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from oscbridge.contract.control_facts import ControlFacts, ControlId, JoinedControl
from oscbridge.learning.activity import (
    ActivityTable,
    ControlActivity,
    ControlKey,
    SeenRange,
    control_text,
)
from oscbridge.learning.relative import RelativeMode, relative_mode

__all__ = ["SETTLE", "Candidate", "clear_winner", "find_candidates"]

MAX_CANDIDATES: Final = 6
"""Candidates that are shown."""

ENOUGH: Final = 30
"""Messages above which more of them say nothing more."""

FREQUENT: Final = 2.0
"""A control that sent before counts if it now sends more than this many times as often."""

STOPPED: Final = 3.0
"""A control that sends all the time is silent no longer than this many of its intervals."""

EARLY: Final = 0.5
"""The part of the score of a control that was moved before it was the turn of the user, too."""

BANK: Final = 4
"""Controls with similar addresses that move together: meters, not a hand."""

CLEAR: Final = 2.0
"""How many times the score of the next one a clear winner has."""

SETTLE: Final = 0.4
"""Seconds of silence after which a control is no longer being moved."""

BARELY: Final = 0.05
"""The score below which a control was not moved."""

UNLIKELY: Final = 0.1
"""The part of the best score below which a control is not a candidate."""

_DIGITS: Final = re.compile(r"\d+")

JoinControls = Callable[[str, ControlId], JoinedControl | None]
"""The 14-bit control of a part whose upper halves come from a control."""


@dataclass(frozen=True)
class Candidate:
    """A control that may have been moved."""

    activity: ControlActivity
    score: float
    why: str
    """Why it is or is not likely, human-readable."""
    is_moving: bool
    """Whether it sent within the last moment."""
    joined: JoinedControl | None = None
    """The 14-bit control that it is the upper half of."""
    mode: RelativeMode | None = None
    """How its steps are encoded, if it is an encoder."""

    @property
    def key(self) -> ControlKey:
        """What identifies it."""
        return self.activity.key

    @property
    def facts(self) -> ControlFacts:
        """What its endpoint says about it."""
        return self.activity.facts if self.joined is None else self.joined.facts

    @property
    def text(self) -> str:
        """What identifies it within its part, as it is written: ``/control 1 7``."""
        return control_text(self.facts.control)

    @property
    def share(self) -> float:
        """How likely it is, from 0 to 1."""
        return min(self.score / ENOUGH, 1.0)


def find_candidates(
    table: ActivityTable,
    now: float,
    join: JoinControls,
    without: Collection[ControlKey] = (),
) -> tuple[Sequence[Candidate], int]:
    """The controls that may have been moved, the most likely first, and the number of the others.

    ``without`` are never candidates: those chosen before.
    """
    active = [each for each in table.controls.values() if each.count]
    lower = _lower_halves(active)
    banks = _banks(active)
    span = max(now - table.began, 0.001)
    watched = max(table.began - table.first, 0.001)
    found = []
    for each in active:
        if each.key in without or each.key in lower.values():
            continue
        expected = each.before / watched * span
        bank = banks[_shape(each.key)]
        score, why = _judge(each, now, expected, watched, bank)
        joined = join(each.key.part, each.key.control) if each.key in lower else None
        mode = None
        if joined is None and each.facts.may_be_relative:
            mode = relative_mode(each.values)
        found.append(Candidate(each, score, why, now - each.last_time < SETTLE, joined, mode))
    found.sort(key=lambda each: (-each.score, each.activity.started))
    least = max(BARELY, UNLIKELY * found[0].score) if found else BARELY
    moved = [each for each in found if each.score >= least][:MAX_CANDIDATES]
    return moved, len(found) - len(moved)


def clear_winner(candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate that certainly was moved, once it rests; None if that is not certain."""
    if not candidates or candidates[0].is_moving:
        return None
    best = candidates[0]
    second = candidates[1].score if len(candidates) > 1 else 0.0
    return best if best.score >= max(CLEAR * second, 0.5) else None


def _judge(
    each: ControlActivity, now: float, expected: float, watched: float, bank: int
) -> tuple[float, str]:
    """A score, and the reason for it."""
    facts = _facts_text(each)
    novelty, why = 1.0, "silent before"
    if each.before and each.count > FREQUENT * expected + 1:
        novelty, why = 1.0 - FREQUENT * expected / each.count, "more often than before"
    elif each.before and now - each.last_time > max(SETTLE, STOPPED * each.interval):
        novelty, why = EARLY, "moved before its turn as well, and has stopped"
    elif each.before:
        rate = each.before / watched
        return 0.0, f"sends all the time, {rate:.1f} per second before: {facts}"
    evidence = float(min(each.count, ENOUGH))
    if each.changes == 0 and each.count > 2:
        evidence *= 0.1
        why += ", always the same value"
    if bank >= BANK:
        evidence /= bank
        why += f", like {bank - 1} others with similar addresses"
    return evidence * novelty, f"{facts}; {why}"


def _facts_text(each: ControlActivity) -> str:
    text = f"{each.count} message{'' if each.count == 1 else 's'}"
    seen = each.seen[each.argument] if each.seen else SeenRange()
    if seen.is_empty:
        return text
    if seen.low == seen.high:
        return f"{text}, {seen.low:.4g}"
    return f"{text}, {seen.low:.4g} to {seen.high:.4g}"


def _shape(key: ControlKey) -> tuple[str, str, int]:
    """Equal for controls with similar addresses: ``/meter/1`` and ``/meter/2``."""
    control = key.control
    return key.part, _DIGITS.sub("#", control.address), len(control.leading)


def _banks(active: Sequence[ControlActivity]) -> Counter[tuple[str, str, int]]:
    """How many controls with similar addresses moved about as much as each other."""
    most: dict[tuple[str, str, int], int] = {}
    for each in active:
        shape = _shape(each.key)
        most[shape] = max(most.get(shape, 0), each.count)
    return Counter(_shape(each.key) for each in active if each.count * 2 >= most[_shape(each.key)])


def _lower_halves(active: Sequence[ControlActivity]) -> dict[ControlKey, ControlKey]:
    """The controls of lower halves, by those of the upper ones: both moved about as often."""
    by_key = {each.key: each for each in active}
    found = {}
    for each in active:
        if each.facts.upper is None:
            continue
        upper = by_key.get(each.key._replace(control=each.facts.upper))
        if upper is not None and 2 * each.count >= upper.count and each.count > 1:
            found[upper.key] = each.key
    return found
