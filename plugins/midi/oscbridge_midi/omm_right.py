"""The right side of an OSC2MIDI rule: the MIDI message that it sends. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiField
from oscbridge_midi.message_table import BY_STATUS, BY_TYPE
from oscbridge_midi.omm_left import LeftSide, Place
from oscbridge_midi.omm_terms import RANGE, LinearTerm, UntranslatableRule, decimal, linear

__all__ = ["SETTERS", "assignment", "midi_options"]

_Options: TypeAlias = "dict[str, oscbridge.TomlValue]"

_TYPES: Final[Mapping[str, str]] = {
    "noteon": "note_on",
    "noteoff": "note_off",
    "polyaftertouch": "polytouch",
    "controlchange": "control_change",
    "programchange": "program_change",
    "aftertouch": "aftertouch",
    "pitchbend": "pitchwheel",
}

SETTERS: Final[Mapping[str, str]] = {"setchannel": "channel", "setvelocity": "velocity"}
"""Functions that set a word of the right sides of all rules, which is a variable then."""

_HIGHEST: Final[Mapping[str, int]] = {"channel": 15, "velocity": 127}

_TOO_LARGE: Final = 1e9
"""Numbers from here on cannot be written in a route."""


def midi_options(
    left: LeftSide, function: str, right: Sequence[str], known: Mapping[str, float]
) -> _Options | None:
    """The keys of ``midi = {...}``; None to send the message of type ``m`` that it carries.

    ``known`` are the words that are constants. Raises :class:`UntranslatableRule`.
    """
    if function == "midimessage":
        if "m" not in left.types:
            raise UntranslatableRule("midimessage requires an argument of type m")
        return None
    args = [linear(_low(each), known) for each in right]
    if function == "note":
        return _note(left, args)
    if function == "rawmidi":
        return _raw(left, args)
    if function == "setshift":
        raise UntranslatableRule(
            "setshift transposes notes of the MIDI port filter_in, not messages of the map"
        )
    if function not in _TYPES:
        raise UntranslatableRule(f"unknown function {function!r}")
    kind = BY_TYPE[_TYPES[function]]
    if len(args) != len(kind.fields):
        raise UntranslatableRule(f"{function} takes {len(kind.fields)} arguments")
    return {
        "type": kind.type,
        **{
            field.name: _value(left, _from_one(field, arg), field)
            for field, arg in zip(kind.fields, args, strict=True)
        },
    }


def assignment(
    left: LeftSide, function: str, right: Sequence[str], known: Mapping[str, float]
) -> _Options:
    """The keys of ``set = {...}`` for a function of :data:`SETTERS`.

    Raises :class:`UntranslatableRule`.
    """
    if len(right) != 1:
        raise UntranslatableRule(f"{function} takes 1 argument")
    name = SETTERS[function]
    value = _text(left, linear(_low(right[0]), known))
    return {name: f"clamp(int({value}), 0, {_HIGHEST[name]})"}


def _note(left: LeftSide, args: Sequence[LinearTerm]) -> _Options:
    """``note(channel, note, velocity, state)``: on or off, by the state."""
    if len(args) != 4:
        raise UntranslatableRule("note takes 4 arguments")
    kind = BY_TYPE["note_on"]
    channel, note, velocity = kind.fields
    *values, state = args
    options: _Options = {"type": "note_on"}
    for field, arg in ((channel, values[0]), (note, values[1])):
        options[field.name] = _value(left, _from_one(field, arg), field)
    if not state.name:
        loud = values[2] if state.offset else LinearTerm("", 0.0, 0.0)
        options[velocity.name] = _value(left, loud, velocity)
        return options
    condition, loud_text = _text(left, state), _text(left, values[2])
    options[velocity.name] = f"{{= {loud_text} if {condition} > 0 else 0}}"
    return options


def _raw(left: LeftSide, args: Sequence[LinearTerm]) -> _Options:
    """``rawmidi(status, byte1, byte2)``"""
    if len(args) != 3:
        raise UntranslatableRule("rawmidi takes 3 arguments")
    if args[0].name:
        raise UntranslatableRule("rawmidi requires a constant status byte: a route has one type")
    status = int(args[0].offset)
    kind = BY_STATUS.get(status)
    if kind is None:
        raise UntranslatableRule(f"{status} is not the status byte of a MIDI message")
    if kind.type == "sysex":
        raise UntranslatableRule("rawmidi cannot send a sysex, which is longer than 3 bytes")
    if kind.type == "quarter_frame":
        raise UntranslatableRule("rawmidi with a quarter frame is not supported; use /mtc")
    fields = kind.fields[1:] if kind.has_channel else kind.fields
    options: _Options = {"type": kind.type}
    if kind.has_channel:
        options["channel"] = (status & 15) + 1
    if [field.bits for field in fields] == [14]:
        low, high = (_text(left, arg) for arg in args[1:])
        options[fields[0].name] = f"{{= int({low}) + 128 * int({high})}}"
        return options
    for field, arg in zip(fields, args[1:], strict=False):
        options[field.name] = _value(left, arg, field)
    return options


def _from_one(field: MidiField, term: LinearTerm) -> LinearTerm:
    """A field as routes count it: channels from 1."""
    return term._replace(offset=term.offset + field.first)


def _solved(left: LeftSide, wanted: LinearTerm) -> tuple[Place, float, float]:
    """Where the value is, the factor and the offset."""
    place = left.places.get(wanted.name)
    if place is None:
        raise UntranslatableRule(f"unknown variable {wanted.name!r}: not a number on the left side")
    # On the left side, value = factor * variable + offset; solve it for the variable.
    factor = wanted.factor / place.term.factor
    offset = wanted.offset - factor * place.term.offset
    if not (abs(factor) < _TOO_LARGE and abs(offset) < _TOO_LARGE):
        raise UntranslatableRule(f"{factor:g} * {wanted.name} + {offset:g} is too large a number")
    return place, factor, offset


def _value(left: LeftSide, wanted: LinearTerm, field: MidiField) -> oscbridge.TomlValue:
    """An argument of the right side as the value of a field in a route."""
    if not wanted.name:
        if not abs(wanted.offset) < _TOO_LARGE:
            raise UntranslatableRule(f"{wanted.offset:g} is too large a number")
        return int(wanted.offset)
    place, factor, offset = _solved(left, wanted)
    if not place.placeholder:
        return int(factor * float(place.expression) + offset)
    term = LinearTerm(wanted.name, factor, offset)
    if not field.is_value and not (place.is_whole and term.is_whole):
        return f"{{= int({_text(left, wanted)})}}"  # note 61.9 is note 61 in OSC2MIDI
    text = place.placeholder
    if factor != 1:
        text += f"*{decimal(factor)}"
    if offset:
        text += f"{'+' if offset > 0 else '-'}{decimal(abs(offset))}"
    return text


def _text(left: LeftSide, wanted: LinearTerm) -> str:
    """An argument of the right side as an expression."""
    if not wanted.name:
        if not abs(wanted.offset) < _TOO_LARGE:
            raise UntranslatableRule(f"{wanted.offset:g} is too large a number")
        return decimal(wanted.offset)
    place, factor, offset = _solved(left, wanted)
    text = place.expression
    inverse = round(1 / factor)
    if abs(factor) < 1 and abs(inverse * factor - 1) < 1e-12:
        text += f" / {inverse}"  # x / 3 is exact where 0.333 * x is not
    elif factor != 1:
        text = f"{factor:.17g} * {text}"
    if offset:
        text += f" {'+' if offset > 0 else '-'} {decimal(abs(offset))}"
    return text


def _low(text: str) -> str:
    """The lowest number of a range, which is what OSC2MIDI sends."""
    found = RANGE.fullmatch(text)
    return text if found is None else found[1]
