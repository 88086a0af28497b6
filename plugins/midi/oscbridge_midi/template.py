"""The values of ``midi = {...}`` in a route: numbers, ``"{n}"``, ``"{0}*2+1"``. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import oscbridge
from oscbridge_midi.fields import MidiEncodeError, short

__all__ = ["Args", "Captures", "Maker", "captured", "number_template", "text_template"]

Args: TypeAlias = tuple[oscbridge.Argument, ...]
Captures: TypeAlias = Mapping[str, str]
Maker: TypeAlias = Callable[[Args, Captures], oscbridge.Argument]
"""Makes a field's value from arguments and captures. Raises ``MidiEncodeError``."""

_NUMBER: Final = r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PLACE: Final = re.compile(r"\{([A-Za-z0-9_]+)\}")
_TEMPLATE: Final = re.compile(
    rf"\{{([A-Za-z0-9_]+)\}}\s*(?:([*/])\s*({_NUMBER}))?\s*(?:([+-])\s*({_NUMBER}))?"
)


def captured(value: float | str) -> list[str]:
    """The names in a template that stand for what the match captured."""
    names = _PLACE.findall(value) if isinstance(value, str) else []
    return [name for name in names if not name.isdigit()]


def number_template(value: float | str) -> Maker:
    """How a number is made. Raises ``ValueError`` that says what would be right."""
    if not isinstance(value, str):
        return lambda _args, _captures: value
    if re.fullmatch(_NUMBER, value):
        number = _as_number(value)
        return lambda _args, _captures: number
    found = _TEMPLATE.fullmatch(value.strip())
    if found is None:
        raise ValueError('write a number, "{n}", "{0}", or arithmetic as "{0}*127" or "{n}+20"')
    look_up = _look_up(found[1])
    if found[2] is None and found[4] is None:
        return look_up
    factor = float(found[3] or 1)
    if found[2] == "/":
        if not factor:
            raise ValueError("nothing can be divided by 0")
        factor = 1 / factor
    offset = float(found[5] or 0) * (-1 if found[4] == "-" else 1)

    def make(args: Args, captures: Captures) -> oscbridge.Argument:
        given = look_up(args, captures)
        if not isinstance(given, int | float):
            raise MidiEncodeError(f"{{{found[1]}}} is {short(given)}, which is no number")
        result = given * factor + offset
        return result if math.isfinite(result) else math.nan

    return make


def text_template(text: str) -> Maker:
    """Hexadecimal text with places in it: a number becomes two digits, text stays as it is."""
    names = _PLACE.findall(text)
    if re.search(r"[{}]", _PLACE.sub("", text)):
        raise ValueError('a brace stands around a name or a number, as in "f0 43 {0} f7"')
    if not names:
        return lambda _args, _captures: text
    if text.strip() == f"{{{names[0]}}}":
        return _look_up(names[0])  # all of it, bytes too

    def make(args: Args, captures: Captures) -> oscbridge.Argument:
        return _PLACE.sub(lambda place: _hex(_look_up(place[1])(args, captures)), text)

    return make


def _hex(value: oscbridge.Argument) -> str:
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return f"{int(value) * 127:02x}"
    if not isinstance(value, int | float):
        raise MidiEncodeError(f"{short(value)} is no byte of a sysex")
    if not math.isfinite(value) or not 0 <= oscbridge.nearest_whole(value) <= 127:
        raise MidiEncodeError(f"{value} is not within 0 to 127, and so no byte of a sysex")
    return f"{oscbridge.nearest_whole(value):02x}"


def _look_up(name: str) -> Maker:
    """What a place stands for: an argument by its index, or what the match captured."""
    if name.isdigit():
        index = int(name)

        def argument(args: Args, _captures: Captures) -> oscbridge.Argument:
            if index >= len(args):
                raise MidiEncodeError(f"there is no argument {{{name}}}")
            return args[index]

        return argument

    def captured(_args: Args, captures: Captures) -> oscbridge.Argument:
        text = captures.get(name)
        if text is None:
            raise MidiEncodeError(f"the match captures no {{{name}}}")
        return _as_number(text) if re.fullmatch(_NUMBER, text) else text

    return captured


def _as_number(text: str) -> int | float:
    return float(text) if "." in text else int(text)
