"""MIDI to OSC and back: the default mapping, pure.

:data:`oscbridge_midi.message_table.TABLE` says how each kind is written and read. What has no row:
``/sysex`` with bytes or hexadecimal text, the type ``m`` under any address, and ``/panic``,
which is the endpoint's.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiEncodeError, to_field
from oscbridge_midi.message_table import BY_ADDRESS, BY_STATUS, BY_TYPE, MessageKind, MidiMessages

__all__ = [
    "MAX_SYSEX",
    "PLAIN",
    "EncodeOptions",
    "NoteOff",
    "decode",
    "encode",
    "encode_sysex",
    "encode_values",
    "key",
    "readings",
    "size",
]

MAX_SYSEX: Final = 1 << 16
"""Bytes of a system exclusive message, both ways."""

RELEASE: Final = 64
"""The velocity of a Note Off that has none of its own: what MIDI 1.0 has keyboards send."""

NoteOff: TypeAlias = Literal["note_off", "velocity_0"]


class EncodeOptions(NamedTuple):
    """How messages are written."""

    clamp: bool = True
    """Whether values out of range are clamped, or the message refused."""
    note_off: NoteOff = "note_off"
    """How the end of a note is written."""


PLAIN: Final = EncodeOptions()

_NOTE_ON: Final = BY_TYPE["note_on"]
_NOTE_OFF: Final = BY_TYPE["note_off"]
_SYSEX: Final = BY_TYPE["sysex"]


# --- OSC to MIDI -----------------------------------------------------------------------------


def encode(message: oscbridge.Message, writing: EncodeOptions = PLAIN) -> MidiMessages:
    """The MIDI messages for an OSC message, mostly one. Raises :class:`MidiEncodeError`.

    Numbers may stand in the address as well: ``/control/1/7 64`` is ``/control 1 7 64``.
    """
    address, types, args, *_ = message
    kind = BY_ADDRESS.get(address)
    if kind is not None:
        return encode_values(kind, args, writing)
    if types and not types.strip("m"):
        return tuple([_raw(value) for value in args])
    name, *numbers = address.split("/")[1:]
    kind = BY_ADDRESS.get(f"/{name}")
    if kind is None:
        raise MidiEncodeError("no MIDI message has this address")
    if not all(number.isdecimal() and len(number) <= 5 for number in numbers):
        raise MidiEncodeError(f"what follows /{name} in the address is no number")
    return encode_values(kind, (*map(int, numbers), *args), writing)


def encode_values(
    kind: MessageKind, args: Sequence[oscbridge.Argument], writing: EncodeOptions
) -> MidiMessages:
    """A message of a kind from the values of its fields. Raises :class:`MidiEncodeError`."""
    fields = kind.fields
    if len(args) != len(fields):
        if kind is _SYSEX and len(args) == 1:
            return (encode_sysex(args[0]),)
        if kind is _NOTE_OFF and len(args) == 2:
            args = (*args, RELEASE)
        elif not fields and len(args) == 1:
            if not args[0]:
                return ()  # a button that is let go
            args = ()
        else:
            raise MidiEncodeError(
                f"{kind.address} takes {_arguments(kind)}, not {len(args)} arguments"
            )
    elif kind is _SYSEX:
        raise MidiEncodeError("/sysex takes bytes, or text such as 'f0 7e 7f 06 01 f7'")
    clamp = writing.clamp
    numbers = [to_field(value, field, clamp=clamp) for value, field in zip(args, fields)]  # noqa: B905
    if kind is _NOTE_ON and not numbers[2] and writing.note_off == "note_off":
        return _NOTE_OFF.write(numbers[0], numbers[1], RELEASE)
    if kind is _NOTE_OFF and writing.note_off == "velocity_0":
        return _NOTE_ON.write(numbers[0], numbers[1], 0)
    return kind.write(*numbers)


def encode_sysex(value: oscbridge.Argument) -> bytes:
    """A system exclusive message, from bytes or hexadecimal text. Raises :class:`MidiEncodeError`."""
    if isinstance(value, str):
        if len(value) > 4 * MAX_SYSEX:
            raise MidiEncodeError(f"the sysex is longer than {MAX_SYSEX} bytes")
        try:
            data = bytes.fromhex(value)
        except ValueError:
            raise MidiEncodeError(
                "the sysex is no hexadecimal text, as 'f0 7e 7f 06 01 f7'"
            ) from None
    elif isinstance(value, bytes):
        data = value
    else:
        raise MidiEncodeError("the sysex is neither bytes nor text")
    if len(data) > MAX_SYSEX:
        raise MidiEncodeError(f"the sysex has {len(data)} bytes, more than {MAX_SYSEX}")
    if data[:1] != b"\xf0" or data[-1:] != b"\xf7":
        raise MidiEncodeError("a sysex starts with f0 and ends with f7")
    if not data[1:-1].isascii():
        raise MidiEncodeError("a sysex has bytes below 80 between f0 and f7")
    return data


def _raw(value: oscbridge.Argument) -> bytes:
    """The message that an argument of type ``m`` holds."""
    if not isinstance(value, tuple) or len(value) != 4:
        raise MidiEncodeError("the argument of type m is no MIDI message")
    _, status, first, second = value
    if status < 0x80 <= second:
        status, first, second = second, first, status  # as TouchOSC Bridge has it: reversed
    kind = BY_STATUS.get(status)
    if kind is None or kind is _SYSEX:
        raise MidiEncodeError(f"{status:#04x} is no status byte of a short MIDI message")
    data = bytes((status, first, second)[: size(status)])
    if not data[1:].isascii():
        raise MidiEncodeError("data bytes of MIDI are below 128")
    return data


def size(status: int) -> int:
    """Bytes of a message with this status byte; 0 where the data says, or of none."""
    if status >= 0xF0:
        return _SYSTEM_SIZES.get(status, 0)
    return 2 if 0xC0 <= status < 0xE0 else 3


_SYSTEM_SIZES: Final = {0xF1: 2, 0xF2: 3, 0xF3: 2} | dict.fromkeys(
    (0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF), 1
)


def _arguments(kind: MessageKind) -> str:
    if kind is _SYSEX:
        return "one argument"
    return ", ".join(field.name for field in kind.fields) or "nothing"


# --- MIDI to OSC -----------------------------------------------------------------------------


class MidiValues(NamedTuple):
    """A kind and its numbers as people know them: channels from 1."""

    kind: MessageKind
    numbers: tuple[int, ...]


def readings(data: bytes) -> MidiValues:
    """What a whole message says; sysex has no numbers. Raises ``KeyError`` for no status."""
    kind = BY_STATUS[data[0]]
    if kind.read is None:
        return MidiValues(kind, ())
    numbers = kind.read(data)
    if data[0] < 0xF0:
        return MidiValues(kind, (numbers[0] + 1, *numbers[1:]))
    return MidiValues(kind, numbers)


def decode(
    reading: MidiValues, data: bytes = b"", *, long: bool = False, text: bool = False
) -> oscbridge.Message:
    """The OSC message. ``long`` has all numbers but the last in the address.

    A sysex is its ``data``, as a blob, or as hexadecimal ``text``.
    """
    kind, numbers = reading
    if kind is _SYSEX:
        if text:
            return oscbridge.Message(kind.address, "s", (data.hex(" "),))
        return oscbridge.Message(kind.address, "b", (data,))
    if long and len(numbers) > 1:
        address = "/".join([kind.address, *map(str, numbers[:-1])])
        return oscbridge.Message(address, "i", numbers[-1:])
    return oscbridge.Message(kind.address, "i" * len(numbers), numbers)


# --- what replaces what ----------------------------------------------------------------------

_EVENTS: Final = frozenset((0, 32, 6, 38, *range(64, 70), *range(96, 102), *range(120, 128)))
"""Controllers whose order counts: banks, data entry, pedals, parameters, modes."""


def key(parts: MidiMessages) -> Hashable:
    """What a later message must have in common to take this one's place, or None.

    Only what sets something to a value can be replaced: continuous controllers, pitch,
    pressure, 14 bit values. A note, a program, a pedal or a sysex never.
    """
    if not parts:
        return None
    first = parts[0]
    status = first[0] & 0xF0
    if status == 0xB0:
        if len(parts) == 4:
            return first + parts[1]  # a parameter
        return None if first[1] in _EVENTS else first[:2]
    if len(parts) == 1:
        if status == 0xA0:
            return first[:2]
        if status in (0xD0, 0xE0):
            return first[:1]
    return None
