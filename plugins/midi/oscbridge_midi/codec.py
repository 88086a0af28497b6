"""The default mapping between OSC and MIDI. Pure.

:data:`oscbridge_midi.message_table.TABLE` defines each kind of message. Not in the table are the
data of ``/sysex``, arguments of type ``m`` under any address, and ``/panic``, which the message
encoder handles.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiEncodeError, UnknownMidiAddress, to_field
from oscbridge_midi.joined_numbers import JoinedNumbers
from oscbridge_midi.message_table import (
    BANK,
    BY_ADDRESS,
    BY_STATUS,
    BY_TYPE,
    NULL_PARAMETER,
    SHORT_PARAMETERS,
    MessageKind,
    MidiMessages,
    write_null_parameter,
    write_program,
)

__all__ = [
    "DEFAULT_OPTIONS",
    "MAX_SYSEX",
    "EncodeOptions",
    "NoteOff",
    "coalesce_key",
    "decode",
    "encode",
    "encode_sysex",
    "encode_values",
    "parse_message",
    "size",
]

MAX_SYSEX: Final = 1 << 16
"""The largest system exclusive message in either direction, in bytes."""

RELEASE: Final = 64
"""The velocity of a Note Off without one: the default of MIDI 1.0."""

NoteOff: TypeAlias = Literal["note_off", "velocity_0"]


class EncodeOptions(NamedTuple):
    """How messages are encoded."""

    clamp: bool = True
    """Whether values out of range are clamped; otherwise they are an error."""
    note_off: NoteOff = "note_off"
    """How the end of a note is encoded."""
    short_parameters: bool = False
    """Whether values of NRPN and RPN have 7 bits, without controller 38."""


DEFAULT_OPTIONS: Final = EncodeOptions()

_NOTE_ON: Final = BY_TYPE["note_on"]
_NOTE_OFF: Final = BY_TYPE["note_off"]
_SYSEX: Final = BY_TYPE["sysex"]
_PROGRAM: Final = BY_TYPE["program_change"]


# --- OSC to MIDI -----------------------------------------------------------------------------


def encode(message: oscbridge.Message, options: EncodeOptions = DEFAULT_OPTIONS) -> MidiMessages:
    """The MIDI messages for an OSC message, usually one. Raises :class:`MidiEncodeError`.

    The first numbers may be in the address: ``/control/1/7 64`` is ``/control 1 7 64``.
    """
    address, types, args, *_ = message
    kind = BY_ADDRESS.get(address)
    if kind is not None:
        return encode_values(kind, args, options)
    if types and not types.strip("m"):
        return tuple([_raw(value) for value in args])
    name, *numbers = address.split("/")[1:]
    kind = BY_ADDRESS.get(f"/{name}")
    if kind is None:
        raise UnknownMidiAddress("unknown MIDI address")
    if not all(number.isdecimal() and len(number) <= 5 for number in numbers):
        raise MidiEncodeError(f"expected numbers after /{name} in the address")
    return encode_values(kind, (*map(int, numbers), *args), options)


def encode_values(
    kind: MessageKind, args: Sequence[oscbridge.Argument], options: EncodeOptions
) -> MidiMessages:
    """The messages of a kind with these field values. Raises :class:`MidiEncodeError`."""
    fields = kind.fields
    if len(args) != len(fields) or kind is _SYSEX:
        return _encode_irregular(kind, args, options)
    clamp, note_off, is_short = options
    if is_short and kind.type in SHORT_PARAMETERS:
        kind = SHORT_PARAMETERS[kind.type]
        fields = kind.fields
    numbers = [to_field(value, field, clamp=clamp) for value, field in zip(args, fields)]  # noqa: B905
    if kind is _NOTE_ON and not numbers[2] and note_off == "note_off":
        return _NOTE_OFF.write(numbers[0], numbers[1], RELEASE)
    if kind is _NOTE_OFF and note_off == "velocity_0":
        return _NOTE_ON.write(numbers[0], numbers[1], 0)
    return kind.write(*numbers)


def _encode_irregular(
    kind: MessageKind, args: Sequence[oscbridge.Argument], options: EncodeOptions
) -> MidiMessages:
    """The messages for a sysex, or for more or fewer arguments than the kind has fields."""
    count = len(args)
    if kind is _SYSEX:
        if count == 1:
            return (encode_sysex(args[0]),)
        raise MidiEncodeError("/sysex takes a blob, or text such as 'f0 7e 7f 06 01 f7'")
    if kind is _NOTE_OFF and count == 2:
        return encode_values(kind, (*args, RELEASE), options)
    if kind is _PROGRAM and count == 3:
        channel, program = kind.fields
        fields = (channel, BANK, program)
        numbers = [to_field(a, f, clamp=options.clamp) for a, f in zip(args, fields, strict=True)]
        return write_program(*numbers)
    if kind.type in SHORT_PARAMETERS and count == 2 and args[1] == NULL_PARAMETER:
        return write_null_parameter(kind, to_field(args[0], kind.fields[0], clamp=False))
    if not kind.fields and count == 1:  # a button
        return kind.write() if args[0] else ()
    raise MidiEncodeError(f"{kind.address} takes {_arguments(kind)}, not {count} arguments")


def encode_sysex(value: oscbridge.Argument) -> bytes:
    """A sysex from bytes or hexadecimal text. Raises :class:`MidiEncodeError`."""
    if isinstance(value, str):
        if len(value) > 4 * MAX_SYSEX:
            raise MidiEncodeError(f"the sysex is longer than {MAX_SYSEX} bytes")
        try:
            data = bytes.fromhex(value)
        except ValueError:
            raise MidiEncodeError(
                "the sysex is not hexadecimal text like 'f0 7e 7f 06 01 f7'"
            ) from None
    elif isinstance(value, bytes):
        data = value
    else:
        raise MidiEncodeError("a sysex must be a blob or text")
    if len(data) > MAX_SYSEX:
        raise MidiEncodeError(f"the sysex has {len(data)} bytes, more than {MAX_SYSEX}")
    if data[:1] != b"\xf0" or data[-1:] != b"\xf7":
        raise MidiEncodeError("a sysex must start with f0 and end with f7")
    if not data[1:-1].isascii():
        raise MidiEncodeError("the bytes between f0 and f7 must be below 80")
    return data


def _raw(value: oscbridge.Argument) -> bytes:
    """The message in an argument of type ``m``."""
    if not isinstance(value, tuple) or len(value) != 4:
        raise MidiEncodeError("the argument of type m is not a MIDI message")
    _, status, first, second = value
    if status < 0x80 <= second:
        status, first, second = second, first, status  # TouchOSC Bridge reverses the bytes
    kind = BY_STATUS.get(status)
    if kind is None or kind is _SYSEX:
        raise MidiEncodeError(f"{status:#04x} is not the status byte of a short MIDI message")
    data = bytes((status, first, second)[: size(status)])
    if not data[1:].isascii():
        raise MidiEncodeError("MIDI data bytes must be below 128")
    return data


def size(status: int) -> int:
    """The size of a message with this status byte; 0 for a sysex and undefined ones."""
    if status >= 0xF0:
        return _SYSTEM_SIZES.get(status, 0)
    return 2 if 0xC0 <= status < 0xE0 else 3


_SYSTEM_SIZES: Final = {0xF1: 2, 0xF2: 3, 0xF3: 2} | dict.fromkeys(
    (0xF6, 0xF8, 0xFA, 0xFB, 0xFC, 0xFE, 0xFF), 1
)


def _arguments(kind: MessageKind) -> str:
    return ", ".join(field.name for field in kind.fields) or "nothing"


# --- MIDI to OSC -----------------------------------------------------------------------------


class MidiValues(NamedTuple):
    """A kind and the values of its fields as users write them: channels from 1."""

    kind: MessageKind
    numbers: tuple[int, ...]


def parse_message(data: bytes) -> MidiValues:
    """The values in a complete message; a sysex has none. Raises ``KeyError`` without a status."""
    kind = BY_STATUS[data[0]]
    if kind.read is None:
        return MidiValues(kind, ())
    numbers = kind.read(data)
    if data[0] < 0xF0:
        return MidiValues(kind, (numbers[0] + 1, *numbers[1:]))
    return MidiValues(kind, numbers)


def decode(
    values: MidiValues, data: bytes = b"", *, long: bool = False, text: bool = False
) -> oscbridge.Message:
    """The OSC message. With ``long`` the address contains all numbers but the last.

    A sysex becomes its ``data`` as a blob, or hexadecimal text with ``text``.
    """
    kind, numbers = values
    if kind is _SYSEX:
        if text:
            return oscbridge.Message(kind.address, "s", (data.hex(" "),))
        return oscbridge.Message(kind.address, "b", (data,))
    if long and len(numbers) > 1:
        is_null = kind.type in SHORT_PARAMETERS and len(numbers) == 2
        count = len(numbers) if is_null else len(numbers) - 1
        address = "/".join([kind.address, *map(str, numbers[:count])])
        args = numbers[count:]
        if isinstance(numbers, JoinedNumbers):
            args = JoinedNumbers.of(args, numbers.messages, address, numbers.selection)
        return oscbridge.Message(address, "i" * len(args), args)
    return oscbridge.Message(kind.address, "i" * len(numbers), numbers)


# --- coalescing ------------------------------------------------------------------------------

_EVENTS: Final = frozenset((0, 32, 6, 38, *range(64, 70), *range(96, 102), *range(120, 128)))
"""Controllers whose order matters: banks, data entry, pedals, parameters, modes."""


_PARAMETERS: Final = frozenset((99, 101))
"""Controllers that begin a whole parameter with its value."""


def coalesce_key(messages: MidiMessages) -> Hashable:
    """Equal for messages of which only the latest matters; None if all of them do.

    Only values can be replaced: continuous controllers, pitch, pressure, 14-bit values. Notes,
    programs, pedals and sysex are always sent.
    """
    if not messages:
        return None
    first = messages[0]
    status = first[0] & 0xF0
    if status == 0xB0:
        if len(messages) > 2 and first[1] in _PARAMETERS:
            return first + messages[1]
        return None if first[1] in _EVENTS else first[:2]
    if len(messages) == 1:
        if status == 0xA0:
            return first[:2]
        if status in (0xD0, 0xE0):
            return first[:1]
    return None
