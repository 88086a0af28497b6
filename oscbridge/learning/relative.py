"""Recognises encoders that send steps instead of positions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, TypeAlias

__all__ = ["RelativeMode", "relative_mode", "step_expression"]

RelativeMode: TypeAlias = Literal["twos_complement", "signed_bit", "offset_64"]

MIN_MESSAGES: Final = 4
"""Messages before anything is said."""

MAX_STEP: Final = 15
"""The largest step of one message: encoders speed up when they are turned fast."""

REPEATED: Final = 0.3
"""The share of messages that repeat the value before, or jump between the directions: a position
that moves does neither."""

JUMP: Final = 32
"""How far apart two values of different directions are, except around 64."""

_STEPS: Final[Mapping[RelativeMode, str]] = {
    "twos_complement": "({0} if {0} < 64 else {0} - 128)",
    "signed_bit": "({0} if {0} < 64 else 64 - {0})",
    "offset_64": "({0} - 64)",
}


def relative_mode(values: Sequence[float]) -> RelativeMode | None:
    """How an encoder encodes its steps, from the values of a controller; None for a position.

    1 and 127 are one step up and down as two's complement, 1 and 65 with a sign bit, 65 and 63
    around 64. A direction that was not seen yet is taken as two's complement, and 65 without 1
    or 63 as a step around 64.
    """
    if len(values) < MIN_MESSAGES or any(value != int(value) for value in values):
        return None
    repeats = sum(a == b or abs(a - b) >= JUMP for a, b in pairwise(values))
    around = all(abs(value - 64) <= MAX_STEP for value in values)
    turns = sum((a > 64) != (b > 64) for a, b in pairwise(values)) if around else 0
    if repeats + turns < REPEATED * (len(values) - 1):
        return None
    found = {int(value) for value in values}
    if found <= {*range(64 - MAX_STEP, 64), *range(65, 65 + MAX_STEP)}:
        return "offset_64"
    up = set(range(1, 1 + MAX_STEP))
    if found <= up | set(range(128 - MAX_STEP, 128)):
        return "twos_complement"
    if found <= up | set(range(65, 65 + MAX_STEP)):
        return "signed_bit"
    return None


def step_expression(mode: RelativeMode, value: str) -> str:
    """The expression of the signed step; ``value`` is the name of the argument."""
    return _STEPS[mode].format(value)
