"""OSC arguments as text, as written and read in a terminal."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from oscbridge.errors import EncodeError
from oscbridge.osc import IMMEDIATELY, MIDI, Argument, Color, Message, TimeTag, infer
from oscbridge.osc.type_tags import TYPE_TAGS

__all__ = [
    "format_float",
    "format_message",
    "format_value",
    "guess_value",
    "is_number",
    "parse_arguments",
]

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_INT64_DIGITS: Final = 21
"""Characters of a whole number of 64 bits, and some zeros before it: int() refuses too many."""

_NUMBER: Final = re.compile(
    # Possessive: backtracking in a long row of digits would take the square of its length.
    r"[+-]?(([0-9]++\.?[0-9]*+|\.[0-9]++)(e[+-]?[0-9]++)?|inf|infinity|nan)",
    re.IGNORECASE,
)


def parse_arguments(texts: Sequence[str], types: str | None = None) -> tuple[str, list[Argument]]:
    """The type tags and the values of arguments given as text.

    Without ``types``: ``true`` and ``false`` are T and F, ``nil`` N, whole numbers i (or h),
    other numbers, ``inf`` and ``nan`` f, all other texts s. With ``types`` each tag takes one
    text; T F N I and brackets take none.
    Raises :class:`EncodeError`, which names the argument.
    """
    if types is None:
        values = [_guess(text) for text in texts]
        return infer(values), values
    remaining = iter(texts)
    values = _read_all(iter(types), remaining, types, closing=False)
    left = list(remaining)
    if left:
        raise EncodeError(f"more arguments than type tags in ,{types}: {left[0]!r}")
    return types, values


def _guess(text: str) -> Argument:
    constants: Mapping[str, Argument] = {"true": True, "false": False, "nil": None}
    if text in constants:
        return constants[text]
    if _WHOLE.fullmatch(text):
        try:
            return int(text)
        except ValueError:  # Python limits the digits of int()
            raise EncodeError(f"a number of {len(text)} digits does not fit any type tag") from None
    return float(text) if is_number(text) else text


def guess_value(text: str) -> Argument:
    """The value of a text of unknown type: a truth value, a number that fits, or the text."""
    bare = text.strip()
    if bare in ("true", "false"):
        return bare == "true"
    if len(bare) <= _INT64_DIGITS and _WHOLE.fullmatch(bare) and -(1 << 63) <= int(bare) < 1 << 63:
        return int(bare)
    if not is_number(bare):
        return text
    number = float(bare)
    return text if math.isinf(number) and "n" not in bare.lower() else number  # 1e999


def is_number(text: str) -> bool:
    """Whether a text is a decimal number, ``inf`` or ``nan``."""
    return _NUMBER.fullmatch(text) is not None


def _read_all(
    tags: Iterator[str], texts: Iterator[str], types: str, *, closing: bool
) -> list[Argument]:
    values: list[Argument] = []
    for tag in tags:
        if tag == "]" and closing:
            return values
        if tag == "[":
            values.append(_read_all(tags, texts, types, closing=True))
            continue
        row = TYPE_TAGS.get(tag)
        if row is None:
            raise EncodeError(f"unknown type tag {tag!r} in ,{types}")
        if row.constant is not None:
            values += row.constant
            continue
        text = next(texts, None)
        if text is None:
            raise EncodeError(f"missing argument for type tag {tag!r} of ,{types}")
        try:
            values.append(_READERS[row.python](text))
        except ValueError:
            raise EncodeError(f"{text!r} does not fit type tag {tag!r}") from None
    if closing:
        raise EncodeError(f"unclosed '[' in ,{types}")
    return values


def _midi(text: str) -> MIDI:
    port, status, data1, data2 = bytes.fromhex(text)
    return MIDI(port, status, data1, data2)


def _whole(text: str) -> int:
    return int(text) if _WHOLE.fullmatch(text) else int(text, 0)


def _blob(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _timetag(text: str) -> TimeTag:
    if text == "immediately":
        return IMMEDIATELY
    try:
        return TimeTag(_whole(text))
    except ValueError:
        from datetime import datetime  # slow to import, and rarely needed

        return TimeTag.from_unix(datetime.fromisoformat(text).timestamp())


_BYTES_SHOWN: Final = 32

_READERS: Final[Mapping[type, Callable[[str], Argument]]] = {
    int: _whole,
    float: float,
    str: str,
    bytes: _blob,
    Color: lambda text: Color(int(text.removeprefix("#"), 16)),
    MIDI: _midi,
    TimeTag: _timetag,
}


def format_message(message: Message) -> str:
    """One line: address, type tags and values, for example ``/mixer/1 ,fs 0.5 "on"``."""
    tags = "" if message.types is None else f" ,{message.types}"
    values = "".join(f" {format_value(value)}" for value in message.args)
    return f"{_visible(message.address)}{tags}{values}"


def format_value(value: Argument) -> str:
    """One argument as text."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "nil"}[value]
        case TimeTag():
            return "immediately" if value.immediate else value.datetime().isoformat()
        case Color():
            return f"#{value:08X}"
        case float():
            return format_float(value)
        case str():
            return '"' + _visible(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
        case bytes():
            more = f"… ({len(value)} bytes)" if len(value) > _BYTES_SHOWN else ""
            return f"0x{value[:_BYTES_SHOWN].hex()}{more}"
        case MIDI():
            return f"MIDI[{bytes(value).hex(' ')}]"
        case list():
            return "[" + " ".join(format_value(item) for item in value) + "]"
        case int():
            return str(value)
    return "impulse"


def format_float(value: float) -> str:
    """The fewest digits that identify the number as a float of 32 bits, else of 64."""
    try:
        (single,) = _FLOAT32.unpack(_FLOAT32.pack(value))
    except OverflowError:
        return repr(value)
    if single != value:
        return repr(value)
    for digits in range(6, 10):
        near = float(f"{value:.{digits}g}")
        if _FLOAT32.unpack(_FLOAT32.pack(near))[0] == value:
            return repr(near)
    return repr(value)


_FLOAT32: Final = struct.Struct(">f")


def _visible(text: str) -> str:
    """A text with control characters escaped: hostile text must not control the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
