"""Converts single OSC arguments to text and JSON values, and back."""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from oscbridge import (
    IMPULSE,
    MIDI,
    Argument,
    Color,
    DecodeError,
    EncodeError,
    Impulse,
    Message,
    TimeTag,
    is_number,
    nearest_whole,
)

__all__ = [
    "LARGEST_FLOAT",
    "TYPES",
    "convert",
    "guess",
    "plain_float",
    "plain_values",
    "read_number",
    "shortest",
    "to_text",
]

_FLOAT32: Final = struct.Struct(">f")
LARGEST_FLOAT: Final = 3.4028234663852886e38
"""The largest finite float of 32 bits."""

_LARGEST_PLAIN: Final = 1e15
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_WORDS: Final[Mapping[str, bool]] = {
    "true": True, "on": True, "1": True,
    "false": False, "off": False, "0": False,
}  # fmt: skip


def shortest(value: float) -> float:
    """The number with the fewest digits that is equal in 32 bits: 0.1, not 0.10000000149.

    Raises ``TypeError`` if it is not a number.
    """
    return _shortest(value) if value else value  # the cache does not distinguish -0.0 from 0.0


@lru_cache(maxsize=8_192)
def _shortest(value: float) -> float:
    try:
        packed = _FLOAT32.pack(value)
    except OverflowError:
        return value
    except struct.error as error:
        raise TypeError(str(error)) from None
    for digits in range(6, 10):
        near = float(f"{value:.{digits}g}")
        if math.isfinite(near) and abs(near) <= LARGEST_FLOAT and _FLOAT32.pack(near) == packed:
            return near
    return value


def to_text(value: Argument, tag: str = "") -> str:
    """An argument as plain text: 1.0 is ``1``, a string is unchanged."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None | Impulse():
            return ""
        case TimeTag():
            return str(value.unix_ns() / 1e9)
        case Color():
            return f"#{value:08X}"
        case float() if value.is_integer() and abs(value) < _LARGEST_PLAIN:
            return str(int(value))
        case float():
            return repr(value if tag == "d" else shortest(value))
        case bytes():
            return base64.b64encode(value).decode()
        case MIDI():
            return " ".join(str(byte) for byte in value)
        case list():
            return " ".join(to_text(item) for item in value)
    return str(value)


def plain_values(message: Message) -> list[object]:
    """The arguments as JSON values. Raises :class:`oscbridge.EncodeError`."""
    types = message.types
    if types is None:  # no type tags: the rest of the packet is one blob
        types = "b" * len(message.args)
    try:
        tags = iter(types)
        values = [_plain_next(tags, value) for value in message.args]
        if next(tags, None) is not None:
            raise ValueError("more type tags than arguments")
        return values
    except (TypeError, ValueError, OverflowError, KeyError, StopIteration) as error:
        # Only a plugin can make such a message: received OSC messages are valid.
        raise EncodeError(f"{message.address} ,{message.types}: {error!r}") from None


def _plain_next(tags: Iterator[str], value: Argument) -> object:
    tag = next(tags)
    if tag != "[":
        return _PLAIN[tag](value)
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not an array")
    out = [_plain_next(tags, item) for item in value]
    if next(tags) != "]":
        raise ValueError("more type tags than values in an array")
    return out


def plain_float(value: float) -> float | str:
    """A number, or the text for one that JSON does not have."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


_PLAIN: Final[Mapping[str, Callable[..., object]]] = {
    "i": int,
    "h": int,
    "f": lambda value: plain_float(shortest(float(value))),
    "d": plain_float,
    "s": str,
    "S": str,
    "c": str,
    "b": lambda value: base64.b64encode(value).decode(),
    "r": lambda value: f"#{value:08X}",
    "m": list,
    "t": lambda value: TimeTag(value).unix_ns() / 1e9,
    "T": lambda _: True,
    "F": lambda _: False,
    "N": lambda _: None,
    "I": lambda _: None,
}


def guess(text: str) -> Argument:
    """Infer the type of a text: ``true`` and ``false``, a number, or text."""
    bare = text.strip()
    if bare in ("true", "false"):
        return bare == "true"
    if _WHOLE.fullmatch(bare) and -(1 << 63) <= int(bare) < 1 << 63:
        return int(bare)
    if not is_number(bare):
        return text
    number = float(bare)
    return text if math.isinf(number) and "n" not in bare.lower() else number  # 1e999


_NUMBER_WITH_UNIT: Final = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*|,[0-9]{1,2}(?![0-9])|,[0-9]{4,})?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]+)?)"
    r"(?!['’_][0-9]|(?<=0)[xX][0-9a-fA-F]"
    r"|\s*(?:[dhs]|m(?![23](?![0-9])))\s*[0-9])"
    r"(?:\s+[^\s0-9.,:;+/-].*|[^\s0-9.,:;+/\-].*)?",
    re.DOTALL,
)
"""A number, and a unit that cannot be a part of it. ``1,234`` is ambiguous, ``21,5`` is not, and
``1'234``, ``0x1F`` and ``1h30`` are not 1, 0 and 1."""


def read_number(payload: bytes) -> float:
    """The number at the start of a text: ``21.5 °C``. Raises :class:`oscbridge.DecodeError`."""
    text = payload.decode(errors="replace").strip().strip('"').replace("\u2212", "-")
    found = _NUMBER_WITH_UNIT.fullmatch(text)
    if found is None:
        shown = text if len(text) <= 40 else text[:39] + "…"
        raise DecodeError("value", f"{shown!r} does not start with a number")
    digits = found[1].replace(",", ".")
    whole = guess(digits)
    number = whole if isinstance(whole, int) else float(digits)
    if not math.isfinite(number):
        raise DecodeError("value", f"{digits[:40]!r} is too large")
    return number


def _whole(value: object, bits: int) -> int:
    match value:
        case bool() | int():
            whole = int(value)
        case float() if math.isfinite(value):
            whole = nearest_whole(value)
        case str() if _WHOLE.fullmatch(value.strip()):
            whole = int(value)
        case str() if is_number(value.strip()):
            return _whole(float(value), bits)
        case _:
            raise ValueError
    if not -(1 << bits - 1) <= whole < 1 << bits - 1:
        raise ValueError
    return whole


def _real(value: object) -> float:
    if isinstance(value, str) and is_number(value.strip()):
        return float(value)
    if isinstance(value, bool | int | float):
        return float(value)
    raise ValueError


def _single(value: object) -> float:
    real = _real(value)
    if LARGEST_FLOAT < abs(real) < math.inf:
        raise ValueError
    return real


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return to_text(value)
    raise ValueError


def _truth(value: object) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise ValueError


def _blob(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return base64.b64decode(value, validate=True)
    raise ValueError


_CONVERT: Final[Mapping[str, Callable[[object], Argument]]] = {
    "i": lambda value: _whole(value, 32),
    "h": lambda value: _whole(value, 64),
    "f": _single,
    "d": _real,
    "s": _text,
    "S": _text,
    "b": _blob,
    "T": _truth,
    "N": lambda _: None,
    "I": lambda _: IMPULSE,
}

TYPES: Final = "".join(_CONVERT)
"""The type tags that a value can be converted to. ``T`` is a truth value, T or F."""


def convert(tag: str, value: object) -> tuple[str, Argument]:
    """Convert a value to the type of a tag. Raises :class:`oscbridge.DecodeError`."""
    try:
        made = _CONVERT[tag](value)
    except (ValueError, OverflowError):
        shown = repr(value)
        shown = shown if len(shown) <= 40 else shown[:39] + "…"
        raise DecodeError("value", f"{shown} is not valid for type {tag!r}") from None
    return ("F" if made is False else tag), made
