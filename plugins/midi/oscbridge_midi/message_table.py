"""The table of MIDI message kinds, used for encoding, decoding and the documentation. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from oscbridge_midi.fields import MidiField

__all__ = [
    "BANK",
    "BY_ADDRESS",
    "BY_STATUS",
    "BY_TYPE",
    "NULL_PARAMETER",
    "SHORT_PARAMETERS",
    "TABLE",
    "MessageKind",
    "MidiMessages",
    "write_null_parameter",
    "write_program",
]

MidiMessages: TypeAlias = tuple[bytes, ...]
"""MIDI messages that belong together: one, or several for a 14-bit value."""

_Write: TypeAlias = Callable[..., MidiMessages]
_Read: TypeAlias = Callable[[bytes], tuple[int, ...]]

CHANNEL: Final = MidiField("channel", 4, first=1)
NOTE: Final = MidiField("note", 7)
VELOCITY: Final = MidiField("velocity", 7, is_value=True)
VALUE: Final = MidiField("value", 7, is_value=True)
VALUE14: Final = MidiField("value", 14, is_value=True)
PARAMETER: Final = MidiField("parameter", 14)
BANK: Final = MidiField("bank", 14)
PROGRAM: Final = MidiField("program", 7)

NULL_PARAMETER: Final = 0x3FFF
"""The parameter that ends the selection: after it, data entry has no effect."""


class MessageKind(NamedTuple):
    """One row of the table; ``fields`` are in the order of the OSC arguments."""

    type: str
    """Its name in ``midi = { type = ... }``; mido's name if it has one."""
    address: str
    status: int
    """The status byte; for channel messages that of channel 1."""
    fields: tuple[MidiField, ...]
    write: _Write
    """From numbers, each starting at 0, to messages."""
    read: _Read | None
    """From a message to its numbers. None where one value takes several messages: see
    :mod:`oscbridge_midi.parameters`."""

    @property
    def has_channel(self) -> bool:
        return CHANNEL in self.fields


def _channel(type: str, address: str, status: int, *fields: MidiField) -> MessageKind:
    """A channel message with one byte per number."""

    def write(channel: int, *numbers: int) -> MidiMessages:
        return (bytes((status | channel, *numbers)),)

    def read(data: bytes) -> tuple[int, ...]:
        return (data[0] & 15, *data[1:])

    return MessageKind(type, address, status, (CHANNEL, *fields), write, read)


def _system(type: str, address: str, status: int, *fields: MidiField) -> MessageKind:
    """A system message with one byte per number."""

    def write(*numbers: int) -> MidiMessages:
        return (bytes((status, *numbers)),)

    return MessageKind(type, address, status, fields, write, lambda data: tuple(data[1:]))


def _control(channel: int, control: int, value: int) -> bytes:
    return bytes((0xB0 | channel, control, value))


def _parameter(
    type: str, address: str, high: int, low: int, value_field: MidiField = VALUE14
) -> MessageKind:
    """Four controllers: the two halves of the parameter, then those of the value.

    Three for a value of 7 bits, which has no lower half.
    """
    is_short = value_field is VALUE

    def write(channel: int, parameter: int, value: int) -> MidiMessages:
        return (
            _control(channel, high, parameter >> 7),
            _control(channel, low, parameter & 127),
            _control(channel, 6, value >> 7),
            _control(channel, 38, value & 127),
        )

    def write_short(channel: int, parameter: int, value: int) -> MidiMessages:
        return write(channel, parameter, value << 7)[:3]

    fields = (CHANNEL, PARAMETER, value_field)
    return MessageKind(type, address, 0xB0, fields, write_short if is_short else write, None)


def write_null_parameter(kind: MessageKind, channel: int) -> MidiMessages:
    """The controllers that select the null parameter of ``nrpn`` or ``rpn``."""
    return kind.write(channel, NULL_PARAMETER, 0)[:2]


def write_program(channel: int, bank: int, program: int) -> MidiMessages:
    """Controllers 0 and 32, which select a bank, then the program."""
    bank_high, bank_low = _control(channel, 0, bank >> 7), _control(channel, 32, bank & 127)
    return bank_high, bank_low, bytes((0xC0 | channel, program))


def _write_control14(channel: int, control: int, value: int) -> MidiMessages:
    return _control(channel, control, value >> 7), _control(channel, control + 32, value & 127)


def _write_pitch(channel: int, pitch: int) -> MidiMessages:
    return (bytes((0xE0 | channel, pitch & 127, pitch >> 7)),)


def _read_pitch(data: bytes) -> tuple[int, ...]:
    return data[0] & 15, data[1] | data[2] << 7


_NRPN: Final = (99, 98)
_RPN: Final = (101, 100)
"""The controllers that select a parameter, upper half first."""

# MIDI 1.0 Detailed Specification, tables I to VI; addresses as in Open Stage Control.
TABLE: Final[tuple[MessageKind, ...]] = (
    _channel("note_on", "/note", 0x90, NOTE, VELOCITY),
    _channel("note_off", "/note_off", 0x80, NOTE, VELOCITY),
    _channel("polytouch", "/key_pressure", 0xA0, NOTE, VALUE),
    _channel("control_change", "/control", 0xB0, MidiField("control", 7), VALUE),
    _channel("program_change", "/program", 0xC0, PROGRAM),
    _channel("aftertouch", "/channel_pressure", 0xD0, VALUE),
    MessageKind(
        "pitchwheel",
        "/pitch",
        0xE0,
        (CHANNEL, MidiField("pitch", 14, is_value=True)),
        _write_pitch,
        _read_pitch,
    ),
    MessageKind(
        "control14",
        "/control14",
        0xB0,
        (CHANNEL, MidiField("control", 5), VALUE14),
        _write_control14,
        None,
    ),
    _parameter("nrpn", "/nrpn", *_NRPN),
    _parameter("rpn", "/rpn", *_RPN),
    MessageKind("sysex", "/sysex", 0xF0, (), lambda: (), None),  # encoded in the codec
    MessageKind(
        "quarter_frame",
        "/mtc",
        0xF1,
        (MidiField("frame_type", 3), MidiField("frame_value", 4)),
        lambda kind, value: (bytes((0xF1, kind << 4 | value)),),
        lambda data: (data[1] >> 4, data[1] & 15),
    ),
    MessageKind(
        "songpos",
        "/song_position",
        0xF2,
        (MidiField("pos", 14, is_value=True),),
        lambda pos: (bytes((0xF2, pos & 127, pos >> 7)),),
        lambda data: (data[1] | data[2] << 7,),
    ),
    _system("song_select", "/song_select", 0xF3, MidiField("song", 7)),
    _system("tune_request", "/tune_request", 0xF6),
    _system("clock", "/clock", 0xF8),
    _system("start", "/start", 0xFA),
    _system("continue", "/continue", 0xFB),
    _system("stop", "/stop", 0xFC),
    _system("active_sensing", "/active_sensing", 0xFE),
    _system("reset", "/reset", 0xFF),
)

BY_TYPE: Final[Mapping[str, MessageKind]] = {kind.type: kind for kind in TABLE}
SHORT_PARAMETERS: Final[Mapping[str, MessageKind]] = {
    "nrpn": _parameter("nrpn", "/nrpn", *_NRPN, VALUE),
    "rpn": _parameter("rpn", "/rpn", *_RPN, VALUE),
}
"""The kinds of parameters whose values have 7 bits, by type."""

BY_ADDRESS: Final[Mapping[str, MessageKind]] = {kind.address: kind for kind in TABLE}


def _by_status(table: Sequence[MessageKind]) -> dict[int, MessageKind]:
    found: dict[int, MessageKind] = {}
    for kind in table:
        if kind.read is not None or kind.type == "sysex":
            channels = range(16) if kind.has_channel else range(1)
            found.update({kind.status | channel: kind for channel in channels})
    return found


BY_STATUS: Final[Mapping[int, MessageKind]] = _by_status(TABLE)
"""Kinds by the first byte of a message."""
