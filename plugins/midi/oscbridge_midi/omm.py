"""Converts maps of OSC2MIDI (``.omm``) to routes. Pure.

A rule is ``path types, arguments : function(arguments);``. The arguments on the left are one per
``{i}`` in the path and one per type: names, optionally with arithmetic, numbers, or ranges like
``0-15``. Channels count from 0 in maps, and from 1 in routes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydantic import ValidationError

from oscbridge_midi import toml_routes
from oscbridge_midi.message_table import BY_STATUS, BY_TYPE
from oscbridge_midi.omm_rules import MAX_RULE, NUMBER, RULE, decimal, join
from oscbridge_midi.route_options import MidiRoute

__all__ = ["MAX_FILE", "OmmDefaults", "translate"]

MAX_FILE: Final = 1 << 20
"""The largest map, in bytes."""

MAX_RANGE: Final = 128
"""The largest range in a path, since a route lists each of its numbers."""

_TYPES: Final[Mapping[str, str]] = {
    "noteon": "note_on",
    "noteoff": "note_off",
    "polyaftertouch": "polytouch",
    "controlchange": "control_change",
    "programchange": "program_change",
    "aftertouch": "aftertouch",
    "pitchbend": "pitchwheel",
}

_LEFT: Final = re.compile(r"(?P<path>\S+)\s+(?P<types>[a-zA-Z]*)\s*(?:,(?P<args>.*))?")
_RANGE: Final = re.compile(rf"({NUMBER})\s*-\s*({NUMBER})")
_TERM: Final = re.compile(r"\s*([+-]?)\s*([^+\-\s][^+\-]*)")
_IN_PATH: Final = re.compile(r"\{(\d{1,9})-(\d{1,9})\}")
_PATH: Final = re.compile(r"/[!\"$-'()+\-./0-9:;<=>@A-Z\\^_`a-z|~]*")
"""An address without characters that are a pattern in a route."""
_NAME: Final = re.compile(r"[^\s\d+\-*/,:()][^\s+\-*/,:()]*")

_TOO_LARGE: Final = 1e9
"""Numbers from here on cannot be written in a route."""


class OmmDefaults(NamedTuple):
    """Values that OSC2MIDI takes from its command line."""

    channel: int = 0
    """From 0, as in maps."""
    velocity: int = 100


class UntranslatableRule(ValueError):
    """A rule that a route cannot express."""


class _LinearTerm(NamedTuple):
    """``factor * name + offset``; without a name a number."""

    name: str
    factor: float
    offset: float


@dataclass(frozen=True)
class _RuleLeftSide:
    """The left side of a rule."""

    match: str
    types: str
    places: Mapping[str, tuple[str, _LinearTerm]]
    """By variable: its placeholder in a route, and the placeholder's value as a term of it."""


def translate(text: str, source: str, endpoint: str, defaults: OmmDefaults) -> Iterator[str]:
    """One route per rule as TOML, or a comment with the reason why it has none."""
    left_text = ""
    lines = enumerate(text.splitlines(), 1)
    rules = [(f"line {number}", line.partition("#")[0].strip()) for number, line in lines]
    for where, rule in join([each for each in rules if each[1]]):
        try:
            if len(rule) > MAX_RULE:
                raise UntranslatableRule(f"the rule is longer than {MAX_RULE} characters")
            found = RULE.fullmatch(rule)
            if found is None:
                raise UntranslatableRule("expected: path types, names : function(arguments);")
            left_text = found["left"] or left_text
            keys = _route(_left(left_text), found["function"], found["args"], defaults)
            midi = {key: keys.pop(key) for key in ("midi",) if key in keys}
            MidiRoute.model_validate(midi.get("midi", {}))
            yield toml_routes.route({"from": source, **keys, "to": endpoint, **midi})
        except UntranslatableRule as error:
            yield _comment(where, rule, str(error))
        except ValidationError as error:
            yield _comment(where, rule, error.errors()[0]["msg"].removeprefix("Value error, "))


def _comment(where: str, rule: str, why: str) -> str:
    text = f"# {where}: {rule[:MAX_RULE]}\n# {why}"
    return "".join(each if each.isprintable() or each in "\t\n" else "\ufffd" for each in text)


def _left(text: str) -> _RuleLeftSide:
    found = _LEFT.fullmatch(text.strip())
    if found is None:
        raise UntranslatableRule("expected 'path types, names' on the left side")
    types = found["types"]
    path = _IN_PATH.sub(lambda between: _range(int(between[1]), int(between[2])), found["path"])
    plain = _IN_PATH.sub("0", found["path"]).replace("{i}", "0")
    if "//" in plain or not _PATH.fullmatch(plain):
        raise UntranslatableRule(f"{found['path']!r} is not a plain address")
    args = [each.strip() for each in (found["args"] or "").split(",")]
    count = path.count("{i}")
    args += [""] * (count + len(types) - len(args))
    if any(tag not in "ihfdcTFNIm" for tag in types):
        raise UntranslatableRule(f"types = {types!r}: only numbers are supported")
    places: dict[str, tuple[str, _LinearTerm]] = {}
    pieces = re.split(r"\{i\}", path)
    match = pieces[0]
    for index, piece in enumerate(pieces[1:]):
        match += _path_part(args[index], index, places) + piece
    for index in range(len(types)):
        given = args[count + index]
        if not given:
            continue
        value = None if _RANGE.fullmatch(given) else _linear(given)
        if value is None or not value.name:
            raise UntranslatableRule(f"a route cannot match values like {given!r}")
        places[value.name] = (f"{{{index}}}", value)
    return _RuleLeftSide(match, types, places)


def _path_part(given: str, index: int, places: dict[str, tuple[str, _LinearTerm]]) -> str:
    """The replacement of an ``{i}``: a capture, a number, or the numbers of a range."""
    between = _RANGE.fullmatch(given)
    if between is not None:
        return _range(int(float(between[1])), int(float(between[2])))
    value = _linear(given) if given else _LinearTerm(f"i{index}", 1.0, 0.0)
    if not value.name:
        return decimal(value.offset)
    if value.name in places:
        raise UntranslatableRule(f"duplicate {value.name!r} in the path")
    name = value.name if re.fullmatch(r"[A-Za-z_]\w*", value.name, re.ASCII) else f"i{index}"
    places[value.name] = (f"{{{name}}}", value)
    return f"{{{name}}}"


def _range(low: int, high: int) -> str:
    """A range in the path of a route: a list of its numbers."""
    if not low <= high < low + MAX_RANGE:
        raise UntranslatableRule(f"invalid range {low}-{high}; at most {MAX_RANGE} numbers")
    return "{" + ",".join(map(str, range(low, high + 1))) + "}" if low < high else str(low)


def _route(
    left: _RuleLeftSide, function: str, text: str, defaults: OmmDefaults
) -> dict[str, toml_routes.Value]:
    keys: dict[str, toml_routes.Value] = {"match": left.match, "types": left.types}
    if function == "midimessage":
        return keys  # the type m is sent unchanged
    known = {"channel": float(defaults.channel), "velocity": float(defaults.velocity)}
    args = [_linear(_low(each.strip()), known) for each in text.split(",")]
    if function == "note":
        return {**keys, "midi": _note(left, args)}
    if function == "rawmidi":
        return {**keys, "midi": _raw(left, args)}
    name = _TYPES.get(function)
    if name is None:
        raise UntranslatableRule(f"unknown function {function!r}")
    kind = BY_TYPE[name]
    if len(args) != len(kind.fields):
        raise UntranslatableRule(f"{function} takes {len(kind.fields)} arguments")
    args[0] = args[0]._replace(offset=args[0].offset + 1)
    fields = {f.name: _value(left, arg) for f, arg in zip(kind.fields, args, strict=True)}
    return {**keys, "midi": {"type": name, **fields}}


def _note(left: _RuleLeftSide, args: Sequence[_LinearTerm]) -> dict[str, toml_routes.Value]:
    """``note(channel, note, velocity, state)``: on or off, by the state."""
    if len(args) != 4:
        raise UntranslatableRule("note takes 4 arguments")
    channel, note, velocity, state = args
    if velocity.name and state.name:
        raise UntranslatableRule("velocity and state cannot both be variable")
    both = _LinearTerm(state.name, state.factor * velocity.offset, state.offset * velocity.offset)
    if not state.name:
        both = velocity if state.offset else _LinearTerm("", 0, 0)
    return {
        "type": "note_on",
        "channel": _value(left, channel._replace(offset=channel.offset + 1)),
        "note": _value(left, note),
        "velocity": _value(left, both),
    }


def _raw(left: _RuleLeftSide, args: Sequence[_LinearTerm]) -> dict[str, toml_routes.Value]:
    """``rawmidi(status, byte1, byte2)``"""
    if len(args) != 3 or args[0].name or int(args[0].offset) not in BY_STATUS:
        raise UntranslatableRule("rawmidi requires a constant status byte")
    status = int(args[0].offset)
    kind = BY_STATUS[status]
    fields = kind.fields[1:] if kind.has_channel else kind.fields
    if kind.type == "sysex" or any(field.bits != 7 for field in fields):
        raise UntranslatableRule(f"rawmidi with {kind.type} is not supported")
    channel: dict[str, toml_routes.Value] = (
        {"channel": (status & 15) + 1} if kind.has_channel else {}
    )
    data = {f.name: _value(left, arg) for f, arg in zip(fields, args[1:], strict=False)}
    return {"type": kind.type, **channel, **data}


def _value(left: _RuleLeftSide, wanted: _LinearTerm) -> toml_routes.Value:
    """An argument of the right side as the value of a field in a route."""
    if not wanted.name:
        return _plain(wanted.offset)
    if wanted.name not in left.places:
        raise UntranslatableRule(f"unknown variable {wanted.name!r}: not on the left side")
    place, given = left.places[wanted.name]
    # On the left side, given = factor * x + offset; solve it for x.
    factor = wanted.factor / given.factor
    offset = wanted.offset - factor * given.offset
    if not (abs(factor) < _TOO_LARGE and abs(offset) < _TOO_LARGE):
        raise UntranslatableRule(f"{factor:g} * {place} + {offset:g} is too large a number")
    text = place
    if factor != 1:
        text += f"*{decimal(factor)}"
    if offset:
        text += f"{'+' if offset > 0 else '-'}{decimal(abs(offset))}"
    return text


def _plain(number: float) -> int | float:
    if not abs(number) < _TOO_LARGE:
        raise UntranslatableRule(f"{number:g} is too large a number")
    return int(number) if number == int(number) else number


def _low(text: str) -> str:
    """The lowest number of a range, which is what OSC2MIDI sends."""
    found = _RANGE.fullmatch(text)
    return text if found is None else found[1]


def _linear(text: str, known: Mapping[str, float] | None = None) -> _LinearTerm:
    """Parse ``a*x+b`` in any order; ``known`` names are constants."""
    name, factor, offset = "", 0.0, 0.0
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
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
    return _LinearTerm(name, factor, offset) if factor else _LinearTerm("", 0.0, offset)


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
