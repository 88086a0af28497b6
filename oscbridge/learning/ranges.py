"""The range of a value: from the facts about its address first, then from messages. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from oscbridge.address_space import AddressInfo
from oscbridge.contract.control_facts import ControlFacts
from oscbridge.learning.activity import SeenRange
from oscbridge.osc.arguments import split_types
from oscbridge.osc.type_tags import NUMBER_TAGS

__all__ = ["ValueLimits", "limits_of", "tag_of"]


_ROUND: Final = (1, 2, 5, 10, 20, 50, 100, 127, 255, 500, 1_000, 1_023, 4_095, 16_383, 65_535)
"""Where ranges end: decimal ones, and those of 7, 8, 10, 12, 14 and 16 bits."""


class ValueLimits(NamedTuple):
    """The lowest and the highest value of a number."""

    low: float
    high: float
    is_whole: bool
    origin: str
    """Where it is known from, human-readable."""

    @property
    def text(self) -> str:
        """For people: ``0 to 127, profile x32``."""
        return f"{self.low:g} to {self.high:g}, {self.origin}"


def tag_of(types: str, argument: int) -> str:
    """The type tag of an argument; "" if it has none."""
    tags = split_types(types)
    return tags[argument] if argument < len(tags) else ""


def limits_of(
    tag: str,
    argument: int,
    info: AddressInfo | None,
    facts: ControlFacts | None,
    seen: Sequence[SeenRange],
) -> ValueLimits | None:
    """The range of a number, from the best source; None if it is not a number.

    ``tag`` is its type tag, "" if that is not known.
    """
    if tag and tag not in NUMBER_TAGS:
        return None
    is_whole = bool(tag) and tag in "ih"
    if info is not None and (known := _described(info, argument)) is not None:
        return ValueLimits(*known, is_whole, f"from {info.origin or 'the address space'}")
    if facts is not None and facts.minimum is not None and facts.maximum is not None:
        return ValueLimits(facts.minimum, facts.maximum, facts.is_whole, "as its type says")
    if argument < len(seen) and not seen[argument].is_empty:
        return _rounded(seen[argument], is_whole=is_whole)
    return ValueLimits(0.0, 1.0, is_whole, "assumed") if tag else None


def _described(info: AddressInfo, argument: int) -> tuple[float, float] | None:
    ranges = info.ranges
    if not ranges:
        return None
    one = ranges[0] if len(ranges) == 1 else ranges[argument] if argument < len(ranges) else None
    if one is None or one.minimum is None or one.maximum is None or one.minimum >= one.maximum:
        return None
    return one.minimum, one.maximum


def _rounded(seen: SeenRange, *, is_whole: bool) -> ValueLimits:
    """The range that the seen values probably are from."""
    high = _limit(max(seen.high, 0.0))
    low = 0.0 if seen.low >= 0 else -_limit(-seen.low)
    if low < 0:  # from the centre, e.g. a pan
        high = max(high, -low)
        low = -high
    origin = f"as it sent {seen.low:.4g} to {seen.high:.4g}"
    return ValueLimits(low, high, is_whole, origin)


def _limit(value: float) -> float:
    """The next end of a range."""
    for each in _ROUND:
        if value <= each:
            return float(each)
    return 10.0 ** math.ceil(math.log10(value))
