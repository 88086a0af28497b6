"""Joins rules of an OSC2MIDI map that each match one value. Pure.

A map may have one rule per value, e.g. for the values ``0.0`` and ``1.0`` of a button. A route
cannot match values, so such rules are joined to one if a linear function maps their values.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

__all__ = ["MAX_RULE", "NUMBER", "RULE", "decimal", "join"]

MAX_RULE: Final = 1_000
"""The longest rule, in characters."""

RULE: Final = re.compile(r"(?P<left>.*?)\s*:\s*(?P<function>\w+)\s*\((?P<args>[^()]*)\)[\s;]*")
NUMBER: Final = r"\d{1,9}(?:\.\d{1,9})?|\.\d{1,9}"
_VALUE: Final = re.compile(rf"-?(?:{NUMBER})")


def join(rules: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The rules; those that match single values are joined if their values are on a line."""
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, (_, rule) in enumerate(rules):
        single = _single(rule)
        if single is not None:
            groups[single.common].append(index)
    joined: dict[int, tuple[str, str]] = {}
    left_out: set[int] = set()
    for members in groups.values():
        line = _line([_single(rules[index][1]) for index in members])
        if line is not None:
            numbers = ", ".join(rules[index][0].removeprefix("line ") for index in members)
            joined[members[0]] = (f"lines {numbers}", line)
            left_out.update(members[1:])
    for index, each in enumerate(rules):
        if index not in left_out:
            yield joined.get(index, each)


class _SingleValueRule(NamedTuple):
    """A rule that matches one value."""

    head: str
    left: tuple[str, ...]
    place: int
    """The index of the value in ``left``."""
    function: str
    right: tuple[str, ...]

    @property
    def common(self) -> tuple[object, ...]:
        """Equal for rules that may be joined."""
        others = (*self.left[: self.place], *self.left[self.place + 1 :])
        return self.head, others, self.place, self.function, len(self.right)


def _single(rule: str) -> _SingleValueRule | None:
    """The parts of a rule that matches one value, or None."""
    found = RULE.fullmatch(rule) if len(rule) <= MAX_RULE else None
    if found is None or not found["left"]:
        return None
    head, comma, rest = found["left"].partition(",")
    left = tuple(each.strip() for each in rest.split(","))
    types = head.split()[1:]
    values = [index for index, each in enumerate(left) if _VALUE.fullmatch(each)]
    if not comma or len(types) != 1 or len(values) != 1 or values[0] < len(left) - len(types[0]):
        return None
    right = tuple(each.strip() for each in found["args"].split(","))
    return _SingleValueRule(head.strip(), left, values[0], found["function"], right)


def _line(singles: Sequence[_SingleValueRule | None]) -> str | None:
    """One rule in place of several, or None if their values are not on a line."""
    rules = [each for each in singles if each is not None]
    first = rules[0]
    varying = {
        index for each in rules for index, arg in enumerate(each.right) if arg != first.right[index]
    }
    if len(varying) != 1:
        return None
    [index] = varying
    if not all(_VALUE.fullmatch(each.right[index]) for each in rules):
        return None
    points = [(float(each.left[each.place]), float(each.right[index])) for each in rules]
    (x0, y0), (x1, y1) = min(points), max(points)
    if x0 == x1:
        return None
    factor = (y1 - y0) / (x1 - x0)
    offset = y0 - factor * x0
    if any(abs(factor * x + offset - y) > 1e-6 for x, y in points):
        return None
    value = f"{decimal(abs(factor))}*value_ {'-' if offset < 0 else '+'} {decimal(abs(offset))}"
    left = [*first.left[: first.place], "value_", *first.left[first.place + 1 :]]
    right = [*first.right[:index], f"-{value}" if factor < 0 else value, *first.right[index + 1 :]]
    return f"{first.head}, {','.join(left)} : {first.function}({', '.join(right)});"


def decimal(number: float) -> str:
    """A number in the notation of maps and routes."""
    return f"{number:.9f}".rstrip("0").rstrip(".")
