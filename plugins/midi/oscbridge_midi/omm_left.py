"""The left side of an OSC2MIDI rule: which messages it is for, and where their values are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from oscbridge_midi.omm_rules import JOINED, MapRule
from oscbridge_midi.omm_terms import RANGE, LinearTerm, UntranslatableRule, decimal, linear

__all__ = ["LeftSide", "Place"]

MAX_RANGE: Final = 128
"""The largest range in a path that is written as a list of its numbers."""

_IN_PATH: Final = re.compile(r"\{(\d{1,9})-(\d{1,9})\}")
_PATH: Final = re.compile(r"/[!\"$-'()+\-./0-9:;<=>@A-Z\\^_`a-z|~]*")
"""An address without characters that are a pattern in a route."""

_TAGS: Final = "ihsSbfdtcmTFNI"
_NUMBERS: Final = "ihfd"
_CONSTANTS: Final[Mapping[str, float]] = {"T": 1.0, "F": 0.0, "N": 0.0, "I": 1.0}
"""The value of an argument of these types, which have none of their own."""

_RESERVED: Final = frozenset(
    (
        *("x", "y", "z", "args", "address", "types", "now", "var", "True", "False", "None"),
        *("and", "or", "not", "in", "if", "else", "is", "lambda", "for", "while", "len", "abs"),
        *("min", "max", "round", "floor", "ceil", "sqrt", "exp", "log", "sin", "cos", "clamp"),
        *("lerp", "map_range", "db_to_gain", "gain_to_db", "midi_to_hz", "hz_to_midi"),
        *("int", "float", "str", "lower", "upper"),
    )
)
"""Words of expressions, which a capture must not have as its name."""


class Place(NamedTuple):
    """Where a route finds the value of a variable."""

    placeholder: str
    """``{0}`` or ``{n}``; empty for a constant."""
    expression: str
    """``x`` or ``n``; a number for a constant."""
    is_whole: bool
    """Whether its values are whole numbers."""
    term: LinearTerm
    """What OSC2MIDI calls the value: it is to be solved for the variable."""


@dataclass(frozen=True)
class LeftSide:
    """The left side of a rule."""

    match: str
    types: str
    places: Mapping[str, Place]
    """By variable."""
    conditions: Sequence[str]
    """Expressions for numbers and ranges."""
    note: str = ""
    """What differs from the map; may be empty."""

    @classmethod
    def read(cls, rule: MapRule, variables: Sequence[str] = ()) -> LeftSide:
        """The left side; the route appends the values of ``variables`` to the arguments.

        Raises :class:`UntranslatableRule`.
        """
        path = rule.path
        note = ""
        if not path.startswith("/"):  # as bridges read such addresses
            path, note = f"/{path}", f"the address is read as /{path}"
        for tag in rule.types:
            if tag not in _TAGS:
                raise UntranslatableRule(f"unknown type {tag!r}")
        match = _IN_PATH.sub(lambda found: _range(int(found[1]), int(found[2])), path)
        plain = _IN_PATH.sub("0", path).replace("{i}", "0")
        if "//" in plain or not _PATH.fullmatch(plain):
            raise UntranslatableRule(f"{rule.path!r} is not a plain address")
        count = match.count("{i}")
        given = [*rule.left, *[""] * (count + len(rule.types) - len(rule.left))]
        places: dict[str, Place] = {}
        conditions: list[str] = []
        pieces = match.split("{i}")
        match = pieces[0]
        for index, piece in enumerate(pieces[1:]):
            match += _path_part(given[index], index, places, conditions) + piece
        for index, tag in enumerate(rule.types):
            _argument(given[count + index], index, tag, places, conditions)
        for index, name in enumerate(variables, len(rule.types)):
            value = LinearTerm(name, 1.0, 0.0)
            places[name] = Place(f"{{{index}}}", _argument_name(index), True, value)
        if rule.values:
            conditions.append(_one_of(places[JOINED].expression, rule.values))
        return cls(match, rule.types, places, conditions, note)


def _path_part(given: str, index: int, places: dict[str, Place], conditions: list[str]) -> str:
    """The replacement of an ``{i}``: a capture, a number, or the numbers of a range."""
    between = RANGE.fullmatch(given)
    if between is not None:
        low, high = int(float(between[1])), int(float(between[2]))
        if low <= high < low + MAX_RANGE:
            return _range(low, high)
        conditions.append(f"{low} <= i{index} <= {high}")
        return f"{{i{index}}}"
    value = linear(given) if given else LinearTerm(f"i{index}", 1.0, 0.0)
    if not value.name:
        return decimal(value.offset)
    name = value.name
    is_name = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name not in _RESERVED
    if not is_name or name in places:
        name = f"i{index}"
    places.setdefault(value.name, Place(f"{{{name}}}", name, True, value))
    return f"{{{name}}}"


def _argument(
    given: str, index: int, tag: str, places: dict[str, Place], conditions: list[str]
) -> None:
    """A name, or a condition for a number or a range."""
    if not given:
        return
    expression = _argument_name(index)
    between = RANGE.fullmatch(given)
    value = LinearTerm("", 0.0, 0.0) if between else linear(given)
    if value.name:
        constant = _CONSTANTS.get(tag)
        if constant is not None:
            places.setdefault(value.name, Place("", decimal(constant), True, value))
        elif tag in _NUMBERS:
            places.setdefault(value.name, Place(f"{{{index}}}", expression, tag in "ih", value))
        return  # a variable of another type can only be left unused
    low, high = (float(between[1]), float(between[2])) if between else (value.offset,) * 2
    if tag in _NUMBERS:
        conditions.append(_within(expression, low, high))
    elif not low <= _CONSTANTS.get(tag, 0.0) <= high:
        raise UntranslatableRule(f"{given!r} never matches the type {tag}")


def _argument_name(index: int) -> str:
    return "xyz"[index] if index < 3 else f"args[{index}]"


def _within(expression: str, low: float, high: float) -> str:
    if low != high:
        return f"{decimal(low)} <= {expression} <= {decimal(high)}"
    if _is_exact(low):
        return f"{expression} == {decimal(low)}"
    return f"abs({expression} - {decimal(low)}) < 0.000001"


def _one_of(expression: str, values: Sequence[float]) -> str:
    low, high = values[0], values[-1]
    if len(values) > 2 and all(value == low + step for step, value in enumerate(values)):
        return f"{decimal(low)} <= {expression} <= {decimal(high)} and {expression} % 1 == 0"
    if all(_is_exact(value) for value in values):
        return f"{expression} in [{', '.join(map(decimal, values))}]"
    return f"({' or '.join(_within(expression, value, value) for value in values)})"


def _is_exact(value: float) -> bool:
    """Whether it is the same in 32 bits, as in the message."""
    return value * 1024 == int(value * 1024)


def _range(low: int, high: int) -> str:
    """A range in the path of a route: a list of its numbers."""
    if not low <= high < low + MAX_RANGE:
        raise UntranslatableRule(f"invalid range {low}-{high}; at most {MAX_RANGE} numbers")
    return "{" + ",".join(map(str, range(low, high + 1))) + "}" if low < high else str(low)
