"""Arguments converted to another type, e.g. for the placeholder ``{0:i}``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Final

from oscbridge.errors import MessageDropped
from oscbridge.osc import Argument
from oscbridge.osc.text import format_float, format_value, is_number
from oscbridge.osc.type_tags import TYPE_TAGS, TypeTag

__all__ = ["CONVERT", "LARGEST_FLOAT", "nearest_whole", "to_text"]

LARGEST_FLOAT: Final = 3.4028234663852886e38
"""The largest finite number of 32 bits."""

_LARGEST_PLAIN: Final = 1e15
"""Up to here a whole float is written without a decimal point."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")


def nearest_whole(value: float) -> int:
    """The nearest whole number, halves up: 63.5 is 64. For finite values."""
    low = math.floor(value)
    return low + (value - low >= 0.5)  # value + 0.5 would be rounded, too


def to_text(value: Argument) -> str:
    """An argument as text: 1.0 is ``1``, a string is itself."""
    match value:
        case str():
            return value
        case float() if value.is_integer() and abs(value) < _LARGEST_PLAIN:
            return str(int(value))
        case float():
            return format_float(value)
    return format_value(value)


def _to_whole(bits: int) -> Callable[[Argument], int]:
    limit = float((1 << bits - 1) - 1)

    def convert(value: Argument) -> int:
        if value.__class__ is float and -limit <= value < limit:  # fast, for most messages
            low = math.floor(value)
            return low + (value - low >= 0.5)
        return _whole(value, bits)

    return convert


def _whole(value: Argument, bits: int) -> int:
    match value:
        case bool() | int():
            whole = int(value)
        case float() if math.isfinite(value):
            whole = nearest_whole(value)
        case str() if _WHOLE.fullmatch(value):
            whole = int(value)
        case str() if is_number(value) and math.isfinite(float(value)):
            whole = nearest_whole(float(value))
        case _:
            raise MessageDropped("conversion", f"{_shown(value)} is not a whole number")
    if not -(1 << bits - 1) <= whole < 1 << bits - 1:
        raise MessageDropped("conversion", f"{_shown(value)} does not fit into {bits} bits")
    return whole


def _real(value: Argument) -> float:
    if isinstance(value, bool | int | float) or (isinstance(value, str) and is_number(value)):
        return float(value)
    raise MessageDropped("conversion", f"{_shown(value)} is not a number")


def _single(value: Argument) -> float:
    if value.__class__ is float and -LARGEST_FLOAT <= value <= LARGEST_FLOAT:
        return value  # fast, for most messages
    real = _real(value)
    if LARGEST_FLOAT < abs(real) < math.inf:
        raise MessageDropped("conversion", f"{_shown(value)} does not fit into 32 bits")
    return real


def _shown(value: Argument) -> str:
    text = format_value(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _converter(row: TypeTag) -> Callable[[Argument], Argument]:
    if row.python is str:
        return to_text
    size = row.number.size if row.number is not None else 0
    if row.python is int:
        return _to_whole(8 * size)
    return _real if size > 4 else _single


CONVERT: Final = {tag: _converter(TYPE_TAGS[tag]) for tag in "ihfds"}
"""Conversions by type tag. They raise :class:`MessageDropped` with the reason ``conversion``."""
