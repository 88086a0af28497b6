"""Converts single OSC arguments to text and JSON values, and back."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from oscbridge import (
    IMPULSE,
    Argument,
    DecodeError,
    guess_value,
    is_number,
    nearest_whole,
    plain_text,
)

__all__ = ["TYPES", "convert", "read_number"]

LARGEST_FLOAT: Final = 3.4028234663852886e38
"""The largest finite float of 32 bits."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_WORDS: Final[Mapping[str, bool]] = {
    "true": True, "on": True, "1": True,
    "false": False, "off": False, "0": False,
}  # fmt: skip

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
    whole = guess_value(digits)
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
        return plain_text(value)
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
