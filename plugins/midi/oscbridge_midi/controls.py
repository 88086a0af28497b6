"""Which MIDI control an OSC message came from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import oscbridge
from oscbridge_midi.message_table import BY_ADDRESS, BY_TYPE, MessageKind

__all__ = ["control_of", "joined_control"]

_TITLES: Final[Mapping[str, str]] = {
    "note_on": "note {0}",
    "polytouch": "pressure of note {0}",
    "control_change": "controller {0}",
    "program_change": "program",
    "aftertouch": "pressure",
    "pitchwheel": "pitch bend",
    "control14": "14-bit controller {0}",
    "nrpn": "NRPN {0}",
    "rpn": "RPN {0}",
    "start": "start",
    "continue": "continue",
    "stop": "stop",
}
"""The kinds that come from controls, with their titles; ``{0}`` is the number after the channel."""

_NOTE: Final = BY_TYPE["note_on"]
_NOTE_OFF: Final = BY_TYPE["note_off"]
_CONTROL: Final = BY_TYPE["control_change"]
_CONTROL14: Final = BY_TYPE["control14"]
_HALVES: Final = 32
"""How much higher the controller of the lower half is (MIDI 1.0, table III)."""
_ENTRY: Final = 6
"""Data entry: its halves are values of NRPN and RPN."""


def control_of(message: oscbridge.Message) -> oscbridge.ControlFacts | None:
    """The control that a received message came from, whichever ``addresses`` it has.

    None for clocks, sysex, and invalid MIDI.
    """
    _, name, *in_address = message.address.split("/")
    kind = BY_ADDRESS.get(f"/{name}")
    if kind is None or not all(each.isdecimal() for each in in_address):
        return None
    count = max(len(kind.fields) - 1, 0)
    leading = message.args[: max(count - len(in_address), 0)]
    selected = [each for each in leading if isinstance(each, int)]
    numbers = [*map(int, in_address), *selected]
    if len(numbers) != count or len(selected) != len(leading):
        return None
    if kind is _NOTE_OFF:  # the same key
        address = "/".join([_NOTE.address, *in_address])
        return _facts(_NOTE, numbers, oscbridge.ControlId(address, leading))
    return _facts(kind, numbers, oscbridge.ControlId(message.address, leading))


def joined_control(
    upper: oscbridge.ControlId, pairs: Collection[int]
) -> oscbridge.JoinedControl | None:
    """The 14-bit control whose upper halves come from a controller; ``pairs`` are those set."""
    start, _, rest = upper.address[1:].partition("/")
    if f"/{start}" != _CONTROL.address:
        return None
    numbers = [*(int(each) for each in rest.split("/") if each.isdecimal())]
    numbers += [each for each in upper.leading if isinstance(each, int)]
    suffix = upper.address.removeprefix(_CONTROL.address)
    control = oscbridge.ControlId(_CONTROL14.address + suffix, upper.leading)
    facts = _facts(_CONTROL14, numbers, control)
    if facts is None or len(numbers) != 2 or not numbers[1] < _HALVES:
        return None
    options = {} if numbers[1] in pairs else {"pairs": sorted({*pairs, numbers[1]})}
    return oscbridge.JoinedControl(facts, options)


def _facts(
    kind: MessageKind, numbers: list[int], control: oscbridge.ControlId
) -> oscbridge.ControlFacts | None:
    title = _TITLES.get(kind.type)
    if title is None:
        return None
    channel = f", channel {numbers[0]}" if kind.has_channel else ""
    value = kind.fields[-1] if kind.fields else None
    number = numbers[1] if len(numbers) > 1 else 0
    return oscbridge.ControlFacts(
        control,
        title.format(number) + channel,
        None if value is None else value.low,
        None if value is None else value.high,
        release=_release_address(control) if kind is _NOTE else "",
        may_be_relative=kind is _CONTROL,
        upper=_upper_of(control, number) if kind is _CONTROL else None,
    )


def _release_address(control: oscbridge.ControlId) -> str:
    return _NOTE_OFF.address + control.address.removeprefix(_NOTE.address)


def _upper_of(control: oscbridge.ControlId, number: int) -> oscbridge.ControlId | None:
    """The controller of the upper half, if a controller may have the lower one."""
    upper = number - _HALVES
    if not 0 <= upper < _HALVES or upper == _ENTRY:
        return None
    if control.leading:
        return control._replace(leading=(*control.leading[:-1], upper))
    start, _, _ = control.address.rpartition("/")
    return oscbridge.ControlId(f"{start}/{upper}")
