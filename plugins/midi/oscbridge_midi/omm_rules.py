"""Reads the rules of an OSC2MIDI map, and joins those that each match one value. Pure.

A map may have one rule per value, e.g. for the values ``0.0`` and ``1.0`` of a button. Such rules
become one, with the values as its condition, where a linear function maps them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from oscbridge_midi.omm_terms import NUMBER, decimal

__all__ = ["JOINED", "MAX_RULE", "MapRule", "read_rules"]

MAX_RULE: Final = 1_000
"""The longest rule, in characters."""

MAX_JOINED: Final = 128
"""Rules for one address from which on they are not joined."""

JOINED: Final = "value_"
"""The variable of a joined rule."""

_RULE: Final = re.compile(r"(?P<left>.*?)\s*:\s*(?P<function>\w+)\s*\((?P<args>[^()]*)\)[\s;]*")
_LEFT: Final = re.compile(r"(?P<path>[^\s,]+)\s+(?P<types>[a-zA-Z]*)\s*,(?P<args>.*)")
_VALUE: Final = re.compile(rf"-?(?:{NUMBER})")


@dataclass(frozen=True)
class MapRule:
    """``path types, left : function(right)``"""

    line: int
    text: str
    """The lines of the file that it stands for."""
    path: str = ""
    types: str = ""
    left: tuple[str, ...] = ()
    """The text for each ``{i}`` of the path, then for each argument; may be empty."""
    function: str = ""
    right: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    """The values of the argument named :data:`JOINED`, if it is joined."""
    count: int = 1
    problem: str = ""
    """Why it cannot be read; empty if it is a rule."""


def read_rules(text: str) -> Iterator[MapRule]:
    """The rules of a map, in order."""
    rules: list[MapRule] = []
    before = ""
    for number, line in enumerate(text.splitlines(), 1):
        rule = line.partition("#")[0].strip()
        if rule:
            read = _read(number, rule, before)
            before = rule.partition(":")[0] or before
            rules.append(read)
    yield from _join(rules)


def _read(number: int, text: str, before: str) -> MapRule:
    if len(text) > MAX_RULE:
        problem = f"the rule is longer than {MAX_RULE} characters"
        return MapRule(number, text[:MAX_RULE], problem=problem)
    found = _RULE.fullmatch(text)
    if found is None:
        problem = "expected: path types, names : function(arguments);"
        return MapRule(number, text, problem=problem)
    left = _LEFT.fullmatch((found["left"] or before).strip())
    if left is None:
        return MapRule(number, text, problem="expected 'path types, names' on the left side")
    return MapRule(
        number,
        text,
        left["path"],
        left["types"],
        tuple(each.strip() for each in left["args"].split(",")),
        found["function"],
        tuple(each.strip() for each in found["args"].split(",")),
    )


def _join(rules: Sequence[MapRule]) -> Iterator[MapRule]:
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, rule in enumerate(rules):
        place = _single(rule)
        if place is not None and _VALUE.fullmatch(rule.right[-1]):
            others = (*rule.left[:place], *rule.left[place + 1 :])
            groups[rule.path, rule.types, others, place, rule.function, rule.right[:-1]] += [index]
    joined: dict[int, MapRule] = {}
    left_out: set[int] = set()
    for members in groups.values():
        points: dict[float, tuple[float, int]] = {}
        for index in members:
            place = _single(rules[index])
            assert place is not None
            x, y = float(rules[index].left[place]), float(rules[index].right[-1])
            points.setdefault(x, (y, index))
        for line in _lines(points) if len(points) <= MAX_JOINED else ():
            indices = sorted(points[x][1] for x in line)
            joined[indices[0]] = _one([rules[index] for index in indices], line, points)
            left_out.update(indices[1:])
    for index, rule in enumerate(rules):
        if index not in left_out:
            yield joined.get(index, rule)


def _single(rule: MapRule) -> int | None:
    """Where on the left side a rule that matches one value has it, or None."""
    if rule.problem or len(rule.types) != 1:
        return None
    places = [index for index, each in enumerate(rule.left) if _VALUE.fullmatch(each)]
    is_last = places == [rule.path.count("{i}")]
    return places[0] if is_last else None


def _lines(points: Mapping[float, tuple[float, int]]) -> Iterator[list[float]]:
    """Values that a linear function maps, at least two each; the longest first."""
    left = sorted(points)
    while len(left) > 1:
        found = [[x for x in left if _is_on(points, a, b, x)] for a, b in pairwise(left)]
        longest = max(found, key=len)
        yield longest
        left = [x for x in left if x not in longest]


def _is_on(points: Mapping[float, tuple[float, int]], a: float, b: float, x: float) -> bool:
    factor = (points[b][0] - points[a][0]) / (b - a)
    return abs(points[a][0] + factor * (x - a) - points[x][0]) < 1e-6


def _one(
    rules: Sequence[MapRule], line: Sequence[float], points: Mapping[float, tuple[float, int]]
) -> MapRule:
    """One rule in place of those for values on a line."""
    first = rules[0]
    factor = (points[line[1]][0] - points[line[0]][0]) / (line[1] - line[0])
    offset = points[line[0]][0] - factor * line[0]
    value = f"{decimal(abs(factor))}*{JOINED} {'-' if offset < 0 else '+'} {decimal(abs(offset))}"
    place = _single(first)
    assert place is not None
    return replace(
        first,
        text="\n".join(rule.text for rule in rules),
        left=(*first.left[:place], JOINED, *first.left[place + 1 :]),
        right=(*first.right[:-1], f"-{value}" if factor < 0 else value),
        values=tuple(line),
        count=len(rules),
    )
