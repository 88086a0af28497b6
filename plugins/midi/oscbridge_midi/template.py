"""The values of ``midi = {...}`` in a route: ``"{n}"``, ``"{0}*2+1"``, ``"{= x ** 2}"``. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiEncodeError, short

__all__ = ["Captures", "Maker", "number_template", "template_of", "text_template"]

Captures: TypeAlias = Mapping[str, str]
Maker: TypeAlias = Callable[[oscbridge.Message, Captures], oscbridge.Argument]
"""From a message and its captures to the value of a field. Raises ``MidiEncodeError``, and
:class:`oscbridge.ExpressionFailed`."""

_NUMBER: Final = r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_ARITHMETIC: Final = re.compile(rf"\s*(?:([*/])\s*({_NUMBER}))?\s*(?:([+-])\s*({_NUMBER}))?")


def template_of(text: str) -> oscbridge.Template:
    """The text and the placeholders of a field. Raises ``ValueError``."""
    return oscbridge.Template.parse(text, expressions=True)


def number_template(value: float | str) -> Maker:
    """The function that makes a number. Raises ``ValueError`` with the expected form."""
    if not isinstance(value, str):
        return lambda _message, _captures: value
    if re.fullmatch(_NUMBER, value):
        number = _as_number(value)
        return lambda _message, _captures: number
    placeholder, factor, offset = _parse_arithmetic(value)
    look_up = _look_up(placeholder)
    if factor is None and offset is None:
        return look_up
    by, plus = 1.0 if factor is None else factor, 0.0 if offset is None else offset

    def make(message: oscbridge.Message, captures: Captures) -> oscbridge.Argument:
        given = look_up(message, captures)
        if not isinstance(given, int | float):
            raise MidiEncodeError(f"{placeholder} is {short(given)}, which is not a number")
        result = given * by + plus
        return result if math.isfinite(result) else math.nan

    return make


def _parse_arithmetic(value: str) -> tuple[oscbridge.Placeholder, float | None, float | None]:
    """The placeholder, the factor and the offset. Raises ``ValueError``."""
    match template_of(value.strip()).parts:
        case (oscbridge.Placeholder() as placeholder,):
            rest = ""
        case (oscbridge.Placeholder() as placeholder, str(rest)):
            pass
        case _:
            raise ValueError(_EXPECTED)
    found = _ARITHMETIC.fullmatch(rest)
    if found is None or placeholder.name == "*":
        raise ValueError(_EXPECTED)
    factor = None if found[1] is None else float(found[2])
    if factor is not None and found[1] == "/":
        if not factor:
            raise ValueError("must not divide by 0")
        factor = 1 / factor
    offset = None if found[3] is None else float(found[4]) * (-1 if found[3] == "-" else 1)
    return placeholder, factor, offset


_EXPECTED: Final = (
    'expected a number, "{n}", "{0}", arithmetic such as "{0}*127" or "{n}+20", '
    'or an expression such as "{= x ** 2 * 127}"'
)


def text_template(text: str) -> Maker:
    """Hexadecimal text with placeholders: a number becomes two digits, text is unchanged."""
    template = template_of(text)
    placeholders = template.placeholders
    if not placeholders:
        return lambda _message, _captures: text
    if text.strip() == str(placeholders[0]) and placeholders[0].name != "*":
        return _look_up(placeholders[0])  # the whole argument, e.g. bytes

    makers = {each: _hex_maker(each) for each in placeholders}

    def make(message: oscbridge.Message, captures: Captures) -> oscbridge.Argument:
        return template.fill(lambda placeholder: makers[placeholder](message, captures))

    return make


def _hex_maker(placeholder: oscbridge.Placeholder) -> Callable[[oscbridge.Message, Captures], str]:
    if placeholder.name == "*":
        return lambda message, _captures: " ".join(
            [_hex(_convert(placeholder, arg)) for arg in message.args]
        )
    look_up = _look_up(placeholder)
    return lambda message, captures: _hex(look_up(message, captures))


def _hex(value: oscbridge.Argument) -> str:
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return f"{int(value) * 127:02x}"
    if not isinstance(value, int | float):
        raise MidiEncodeError(f"{short(value)} is not a byte of a sysex")
    if not math.isfinite(value) or not 0 <= oscbridge.nearest_whole(value) <= 127:
        raise MidiEncodeError(f"{value} is not within 0 to 127 and therefore not a byte of a sysex")
    return f"{oscbridge.nearest_whole(value):02x}"


def _look_up(placeholder: oscbridge.Placeholder) -> Maker:
    """What a placeholder stands for: an argument, a capture of the match, or an expression.

    Raises ``ValueError`` for ``{address}``, which is none of these.
    """
    name = placeholder.name
    if placeholder.expression:
        return oscbridge.TemplateExpression(placeholder).value
    if name == "address":
        raise ValueError("placeholder {address} is not available here")
    if placeholder.is_argument:
        index = int(name)

        def argument(message: oscbridge.Message, _captures: Captures) -> oscbridge.Argument:
            args = message.args
            if index >= len(args):
                raise MidiEncodeError(f"missing argument {{{name}}}")
            value = args[index]
            return value if placeholder.type is None else _convert(placeholder, value)

        return argument

    def captured(_message: oscbridge.Message, captures: Captures) -> oscbridge.Argument:
        text = captures.get(name)
        if text is None:
            raise MidiEncodeError(f"the address has no capture {{{name}}}")
        if placeholder.type is not None:
            return _convert(placeholder, text)
        return _as_number(text) if re.fullmatch(_NUMBER, text) else text

    return captured


def _convert(placeholder: oscbridge.Placeholder, value: oscbridge.Argument) -> oscbridge.Argument:
    """Raises :class:`MidiEncodeError`."""
    try:
        return placeholder.convert(value)
    except oscbridge.MessageDropped as error:
        raise MidiEncodeError(str(error)) from None


def _as_number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
