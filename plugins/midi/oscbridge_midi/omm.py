"""Reads the maps of OSC2MIDI (``.omm``) and writes them as routes. Pure.

A rule is ``path types, arguments : function(arguments);``. The arguments on the left are one
for each ``{i}`` in the path and one for each type; they are names, with arithmetic at will,
numbers, or ranges as ``0-15``. Channels count from 0 there, and from 1 here.
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
"""Bytes of a map."""

MAX_RANGE: Final = 128
"""Numbers of a range in a path, each of which is written out."""

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
"""An address without what is a pattern in a route."""
_NAME: Final = re.compile(r"[^\s\d+\-*/,:()][^\s+\-*/,:()]*")

_TOO_LARGE: Final = 1e9
"""What a route has no number for."""


class OmmDefaults(NamedTuple):
    """What OSC2MIDI takes from its command line."""

    channel: int = 0
    """From 0, as in the maps."""
    velocity: int = 100


class UntranslatableRule(ValueError):
    """A rule that no route can say."""


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
    """By the name of a variable: what stands for it in a route, and what that is of it."""


def translate(text: str, source: str, endpoint: str, defaults: OmmDefaults) -> Iterator[str]:
    """A route for each rule as TOML, or a comment that says why there is none."""
    left_text = ""
    lines = enumerate(text.splitlines(), 1)
    rules = [(f"line {number}", line.partition("#")[0].strip()) for number, line in lines]
    for where, rule in join([each for each in rules if each[1]]):
        try:
            if len(rule) > MAX_RULE:
                raise UntranslatableRule(
                    f"this is no rule: it is longer than {MAX_RULE} characters"
                )
            found = RULE.fullmatch(rule)
            if found is None:
                raise UntranslatableRule(
                    "this is no rule: path types, names : function(arguments);"
                )
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
        raise UntranslatableRule("the left side is no 'path types, names'")
    types = found["types"]
    path = _IN_PATH.sub(lambda between: _range(int(between[1]), int(between[2])), found["path"])
    plain = _IN_PATH.sub("0", found["path"]).replace("{i}", "0")
    if "//" in plain or not _PATH.fullmatch(plain):
        raise UntranslatableRule(f"{found['path']!r} is no address: one starts with '/'")
    args = [each.strip() for each in (found["args"] or "").split(",")]
    count = path.count("{i}")
    args += [""] * (count + len(types) - len(args))
    if any(tag not in "ihfdcTFNIm" for tag in types):
        raise UntranslatableRule(f"types = {types!r}: only numbers are translated")
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
            raise UntranslatableRule(f"a route does not look at values, as {given!r} asks for")
        places[value.name] = (f"{{{index}}}", value)
    return _RuleLeftSide(match, types, places)


def _path_part(given: str, index: int, places: dict[str, tuple[str, _LinearTerm]]) -> str:
    """What stands for an ``{i}``: a name, a number, or the numbers of a range."""
    between = _RANGE.fullmatch(given)
    if between is not None:
        return _range(int(float(between[1])), int(float(between[2])))
    value = _linear(given) if given else _LinearTerm(f"i{index}", 1.0, 0.0)
    if not value.name:
        return decimal(value.offset)
    if value.name in places:
        raise UntranslatableRule(f"{value.name!r} stands in the path twice")
    name = value.name if re.fullmatch(r"[A-Za-z_]\w*", value.name, re.ASCII) else f"i{index}"
    places[value.name] = (f"{{{name}}}", value)
    return f"{{{name}}}"


def _range(low: int, high: int) -> str:
    """A range in a path, in a route: all its numbers."""
    if not low <= high < low + MAX_RANGE:
        raise UntranslatableRule(f"the range {low}-{high} has no more than {MAX_RANGE} numbers")
    return "{" + ",".join(map(str, range(low, high + 1))) + "}" if low < high else str(low)


def _route(
    left: _RuleLeftSide, function: str, text: str, defaults: OmmDefaults
) -> dict[str, toml_routes.Value]:
    keys: dict[str, toml_routes.Value] = {"match": left.match, "types": left.types}
    if function == "midimessage":
        return keys  # the type m is sent as it is
    known = {"channel": float(defaults.channel), "velocity": float(defaults.velocity)}
    args = [_linear(_low(each.strip()), known) for each in text.split(",")]
    if function == "note":
        return {**keys, "midi": _note(left, args)}
    if function == "rawmidi":
        return {**keys, "midi": _raw(left, args)}
    name = _TYPES.get(function)
    if name is None:
        raise UntranslatableRule(f"{function} is none of the MIDI messages")
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
        raise UntranslatableRule("a velocity and a state that both vary are no single number")
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
        raise UntranslatableRule("rawmidi is translated with a status byte that does not vary")
    status = int(args[0].offset)
    kind = BY_STATUS[status]
    fields = kind.fields[1:] if kind.has_channel else kind.fields
    if kind.type == "sysex" or any(field.bits != 7 for field in fields):
        raise UntranslatableRule(f"rawmidi with {kind.type} has bytes that make one number")
    channel: dict[str, toml_routes.Value] = (
        {"channel": (status & 15) + 1} if kind.has_channel else {}
    )
    data = {f.name: _value(left, arg) for f, arg in zip(fields, args[1:], strict=False)}
    return {"type": kind.type, **channel, **data}


def _value(left: _RuleLeftSide, wanted: _LinearTerm) -> toml_routes.Value:
    """An argument on the right as the value of a field in a route."""
    if not wanted.name:
        return _plain(wanted.offset)
    if wanted.name not in left.places:
        raise UntranslatableRule(f"{wanted.name!r} is not on the left side")
    place, given = left.places[wanted.name]
    # The left side says given = factor * x + offset, so x is taken back from it.
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
    """The lowest of a range: what OSC2MIDI sends."""
    found = _RANGE.fullmatch(text)
    return text if found is None else found[1]


def _linear(text: str, known: Mapping[str, float] | None = None) -> _LinearTerm:
    """Read ``a*x+b`` in any order; ``known`` names are numbers."""
    name, factor, offset = "", 0.0, 0.0
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if found is None:
            raise UntranslatableRule(f"{text!r} is no arithmetic with one name")
        position = found.end()
        sign = -1.0 if found[1] == "-" else 1.0
        variable, product = _product(found[2], known or {})
        if variable:
            if name:
                raise UntranslatableRule(f"{text!r} has more than one name")
            name, factor = variable, sign * product
        else:
            offset += sign * product
    return _LinearTerm(name, factor, offset) if factor else _LinearTerm("", 0.0, offset)


def _product(text: str, known: Mapping[str, float]) -> tuple[str, float]:
    """A term: a name or nothing, and the number that it is multiplied by."""
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
            raise UntranslatableRule(f"{text.strip()!r} is no arithmetic with one name")
    return name, product
