"""``midi = {...}`` in a route: the MIDI message that an OSC message becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

import oscbridge
from oscbridge_midi.codec import EncodeOptions, encode, encode_sysex, encode_values
from oscbridge_midi.fields import MidiEncodeError, MidiField, to_field
from oscbridge_midi.message_table import BANK, BY_TYPE, MessageKind, MidiMessages
from oscbridge_midi.mpe import MpeZoneOptions
from oscbridge_midi.template import Captures, Maker, number_template, template_of, text_template

__all__ = ["MidiRoute", "RouteEncoder", "Type"]

Type = Literal[
    "note_on",
    "note_off",
    "polytouch",
    "control_change",
    "program_change",
    "aftertouch",
    "pitchwheel",
    "control14",
    "nrpn",
    "rpn",
    "sysex",
    "quarter_frame",
    "songpos",
    "song_select",
    "tune_request",
    "clock",
    "start",
    "continue",
    "stop",
    "active_sensing",
    "reset",
]

_NO_MESSAGE: Final = oscbridge.Message("/")

_PER_NOTE_TYPES: Final = ("control_change", "pitchwheel", "aftertouch")
"""Types that may belong to one note in an MPE zone."""


def _number(value: object, info: ValidationInfo) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('expected a number, or text like "{0}"')
    if isinstance(value, str):
        oscbridge.check_template(template_of(value), info)
    number_template(value)
    return value


def _text(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        raise ValueError('expected text in quotes, for example "f0 43 {0} f7"')
    oscbridge.check_template(template_of(value), info)
    made = text_template(value)
    if "{" not in value:
        try:
            encode_sysex(made(_NO_MESSAGE, {}))
        except MidiEncodeError as error:
            raise ValueError(str(error)) from None
    elif not re.fullmatch(r"\s*(f0.*|\{.*)(f7|\})\s*", value, re.DOTALL | re.IGNORECASE):
        raise ValueError("a sysex must start with f0 and end with f7")
    return value


Number = Annotated[
    int | float | str | None, BeforeValidator(_number, json_schema_input_type=int | float | str)
]


@dataclass(frozen=True, slots=True)
class RouteEncoder:
    """Encodes the messages of one route."""

    kind: MessageKind | None = None
    """The kind of MIDI message; None for the default mapping."""
    makers: tuple[Maker, ...] = ()
    """How to make the value of each field of that kind."""
    mpe: MpeZoneOptions | None = None
    note_maker: Maker | None = None
    """How to make the number of the note that a message in an MPE zone belongs to."""
    echo: bool = False
    press_only: bool = False
    """Whether messages with 0 or False as their first argument are left out: released buttons."""

    def encode(
        self, message: oscbridge.Message, captures: Captures, options: EncodeOptions
    ) -> MidiMessages:
        """The MIDI messages for an OSC message. Raises :class:`MidiEncodeError`."""
        kind = self.kind
        if kind is None:
            return encode(message, options)
        if self.press_only and message.args and message.args[0] == 0:
            return ()
        return encode_values(kind, [make(message, captures) for make in self.makers], options)

    def note_of(self, message: oscbridge.Message, captures: Captures) -> int | None:
        """The note of a message in an MPE zone, or None. Raises :class:`MidiEncodeError`."""
        make = self.note_maker
        return None if make is None else to_field(make(message, captures), _NOTE, clamp=False)


class MidiRoute(oscbridge.Options):
    """The keys of ``midi = {...}`` in a route to an endpoint of type ``midi``.

    A field is a number, ``"{n}"`` for a capture of the match, or ``"{0}"`` for an argument,
    optionally followed by ``*`` or ``/`` and ``+`` or ``-`` with numbers: ``"{n}*4+1"``. Or it is
    an expression, ``"{= x ** 2 * 127}"``, where ``x`` is the first argument. The channel
    defaults to 1, and the last field of a type to ``"{0}"``.
    """

    channel: Number = None
    """1 to 16."""
    note: Number = None
    """0 to 127."""
    velocity: Number = None
    """0 to 127; 0 ends the note."""
    control: Number = None
    """0 to 127; for ``control14`` 0 to 31."""
    value: Number = None
    """0 to 127; for ``control14``, ``nrpn`` and ``rpn`` 0 to 16383."""
    bank: Number = None
    """0 to 16383, for ``program_change``: the bank of the program, sent as controllers 0 and 32."""
    program: Number = None
    """0 to 127."""
    pitch: Number = None
    """0 to 16383; 8192 is the center."""
    parameter: Number = None
    """0 to 16383, for ``nrpn`` and ``rpn``."""
    pos: Number = None
    """0 to 16383: sixteenth notes since the start of the song."""
    song: Number = None
    """0 to 127."""
    frame_type: Number = None
    """0 to 7: the part of the time code."""
    frame_value: Number = None
    """0 to 15."""
    data: (
        Annotated[str, Field(max_length=4096), BeforeValidator(_text, json_schema_input_type=str)]
        | None
    ) = None
    """A sysex: ``"f0 43 10 {0} f7"``. A number becomes one byte."""
    mpe: MpeZoneOptions | None = None
    """An MPE zone: each note gets its own channel."""
    on: Literal["press", "any"] | None = None
    """Whether only presses are sent, whose first argument is neither 0 nor False, or ``any``
    message. Without it, only presses if no field takes an argument, e.g. for ``start``."""
    echo: bool = False
    """Whether messages that came from this endpoint may be sent back to it."""
    type: Annotated[Type | None, Field(validate_default=True)] = None
    """The kind of message. Without it, the address must be one of the default mapping."""

    @field_validator("type", mode="after")
    @classmethod
    def _fits(cls, name: Type | None, info: ValidationInfo) -> Type | None:
        if any(key not in info.data for key in _FIELDS):
            return name  # another field is invalid
        given = [key for key in _FIELDS if info.data[key] is not None]
        mpe = info.data.get("mpe")
        if name is None:
            if given:
                raise ValueError(f'{given[0]!r} has no effect without a type; add type = "..."')
            if info.data.get("on") is not None:
                raise ValueError("'on' has no effect without a type; add type = \"...\"")
            return name
        kind = BY_TYPE[name]
        fields: dict[str, MidiField | None] = {field.name: field for field in kind.fields}
        if name == "sysex":
            fields["data"] = None
        if name == "program_change":
            fields = {"channel": fields["channel"], "bank": BANK, "program": fields["program"]}
        belongs = mpe is not None and name in _PER_NOTE_TYPES
        for key in given:
            if key not in fields and not (belongs and key == "note"):
                has = ", ".join(fields) or "none"
                raise ValueError(f"unknown field {key!r} for this type; available: {has}")
        for key in list(fields)[:-1]:
            if key not in ("channel", "bank", *given):
                raise ValueError(f"this type also requires {key!r}")
        if mpe is not None and "channel" in given:
            raise ValueError("the MPE zone chooses the channel; remove 'channel'")
        for key, field in fields.items():
            if key in given and field is not None:
                _check_constant(info.data[key], field)
        return name

    @cached_property
    def encoder(self) -> RouteEncoder:
        """The compiled form of these options."""
        if self.type is None:
            return RouteEncoder(mpe=self.mpe, echo=self.echo)
        kind = BY_TYPE[self.type]
        note = number_template(self.note) if self.note is not None else None
        return RouteEncoder(
            kind,
            self._makers(kind),
            self.mpe,
            note if self.mpe is not None and self.type in _PER_NOTE_TYPES else None,
            self.echo,
            self.on == "press" or (self.on is None and self._is_constant),
        )

    @property
    def _is_constant(self) -> bool:
        """Whether no field depends on the arguments of a message."""
        fields = [field.name for field in BY_TYPE[self.type or "sysex"].fields] or ["data"]
        if self.type != "sysex" and fields == ["data"]:
            return True  # a type without fields
        values = [getattr(self, name) for name in ("bank", "note", *fields)]
        return values[-1] is not None and not any(map(_takes_arguments, values))

    def _makers(self, kind: MessageKind) -> tuple[Maker, ...]:
        if kind.type == "sysex":
            return (text_template("{0}" if self.data is None else self.data),)
        values = [getattr(self, field.name) for field in kind.fields]
        if self.bank is not None:
            values.insert(1, self.bank)
        if values and values[-1] is None:
            values[-1] = "{0}"
        return tuple(number_template(1 if value is None else value) for value in values)


_NOTE: Final = BY_TYPE["note_on"].fields[1]
_FIELDS: Final = tuple(
    dict.fromkeys(
        [field.name for kind in BY_TYPE.values() for field in kind.fields] + ["bank", "data"]
    )
)


def _takes_arguments(value: float | str | None) -> bool:
    """Whether a field contains an argument or an expression, which may use arguments."""
    if not isinstance(value, str):
        return False
    placeholders = template_of(value).placeholders
    return any(each.expression or each.is_argument or each.name == "*" for each in placeholders)


def _check_constant(value: int | float | str, field: MidiField) -> None:
    """Raise ``ValueError`` for a constant that is out of range."""
    if isinstance(value, str) and "{" in value:
        return
    try:
        to_field(number_template(value)(_NO_MESSAGE, {}), field, clamp=False)
    except MidiEncodeError as error:
        raise ValueError(str(error)) from None
