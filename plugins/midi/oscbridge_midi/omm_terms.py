"""Arithmetic of OSC2MIDI maps: ``a*x+b``, in any order. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["NUMBER", "RANGE", "LinearTerm", "UntranslatableRule", "decimal", "linear"]

NUMBER: Final = r"\d{1,9}(?:\.\d{1,9})?|\.\d{1,9}"
RANGE: Final = re.compile(rf"\s*({NUMBER})\s*-\s*({NUMBER})\s*")
"""``0-15``"""

_TERM: Final = re.compile(r"\s*([+-]?)\s*([^+\-\s][^+\-]*)")
_NAME: Final = re.compile(r"[^\s\d+\-*/,:()][^\s+\-*/,:()]*")


class UntranslatableRule(ValueError):
    """A rule that routes cannot express."""


class LinearTerm(NamedTuple):
    """``factor * name + offset``; without a name a number."""

    name: str
    factor: float
    offset: float

    @property
    def is_whole(self) -> bool:
        """Whether its value is a whole number if the variable is one."""
        return self.factor == int(self.factor) and self.offset == int(self.offset)


def linear(text: str, known: Mapping[str, float] | None = None) -> LinearTerm:
    """Parse ``a*x+b``; ``known`` names are constants. Raises :class:`UntranslatableRule`."""
    name, factor, offset = "", 0.0, 0.0
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None or (position == 0 and found[1] == "+"):
            raise UntranslatableRule(f"{text!r} is not arithmetic with one variable")
        position = found.end()
        sign = -1.0 if found[1] == "-" else 1.0
        variable, product = _product(found[2], known or {})
        if variable:
            if name:
                raise UntranslatableRule(f"{text!r} has more than one variable")
            name, factor = variable, sign * product
        else:
            offset += sign * product
    return LinearTerm(name, factor, offset) if factor else LinearTerm("", 0.0, offset)


def _product(text: str, known: Mapping[str, float]) -> tuple[str, float]:
    """A term: a variable or an empty string, and its factor."""
    name, product, divides = "", 1.0, False
    for word in re.split(r"([*/])", text):
        word = word.strip()
        if word in ("*", "/"):
            divides = word == "/"
        elif re.fullmatch(NUMBER, word) or word in known:
            number = known[word] if word in known else float(word)
            if divides and not number:
                raise UntranslatableRule(f"{text!r} divides by 0")
            product = product / number if divides else product * number
            if not math.isfinite(product):
                raise UntranslatableRule(f"{text.strip()!r} is too large a number")
        elif _NAME.fullmatch(word) and not name and not divides:
            name = word
        else:
            raise UntranslatableRule(f"{text.strip()!r} is not arithmetic with one variable")
    return name, product


def decimal(number: float) -> str:
    """A number in the notation of maps and routes."""
    return f"{number:.9f}".rstrip("0").rstrip(".")
