"""The functions and the operators of expressions. Their results are bounded in size."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from oscbridge.osc.conversion import to_text

__all__ = ["FUNCTIONS", "MAX_BITS", "MAX_TEXT", "NUMERIC", "OPERATORS", "has_at_most"]

MAX_BITS: Final = 1024
"""Bits of a whole number that ``**`` or ``<<`` returns."""

MAX_TEXT: Final = 65_536
"""Characters, bytes or items of a text or a list that an expression makes or converts."""

MAX_DIGITS: Final = 40
"""Characters of a text that ``int`` and ``float`` read, and digits that ``round`` keeps."""

_LISTS: Final = (list, tuple)
"""For ``isinstance``: making the union costs more than the check."""

# Operands have the types of OSC arguments: mypy cannot know which pairs meet at run time.
# A real TypeError says more than a check would, so only what can grow is checked.


def add(left: Any, right: Any) -> Any:
    """``left + right``."""
    if left.__class__ is float or right.__class__ is float:
        return left + right
    total = left + right
    if not isinstance(total, int) and len(total) > MAX_TEXT:
        raise ValueError(f"the result of + is longer than {MAX_TEXT}")
    return total


def multiply(left: Any, right: Any) -> Any:
    """``left * right``. A text may be repeated, a list not: lists of lists would explode."""
    if left.__class__ is float or right.__class__ is float:
        return left * right
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    for text, count in ((left, right), (right, left)):
        if isinstance(text, list | tuple):
            raise TypeError("a list cannot be repeated")
        is_text = isinstance(text, str | bytes) and isinstance(count, int)
        if is_text and len(text) * count > MAX_TEXT:
            raise ValueError(f"the result of * is longer than {MAX_TEXT}")
    return left * right


def modulo(left: Any, right: Any) -> Any:
    """``left % right`` of numbers: text formatting is not available."""
    if isinstance(left, str | bytes):
        raise TypeError(f"unsupported operand types for %: {_types(left, right)}")
    return left % right


def power(base: Any, exponent: Any) -> Any:
    """``base ** exponent``."""
    if exponent.__class__ is not float and isinstance(base, int) and isinstance(exponent, int):
        if base.bit_length() * abs(exponent) > MAX_BITS:
            raise ValueError(f"the result of ** has more than {MAX_BITS} bits")
        return base**exponent
    result = base**exponent
    if result.__class__ is complex:
        raise ValueError("a negative number has no such power")
    return result


def shift_left(left: Any, right: Any) -> Any:
    """``left << right``."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right > MAX_BITS:
        raise ValueError(f"the result of << has more than {MAX_BITS} bits")
    return left << right


def item(value: Any, index: Any) -> Any:
    """``value[index]``. An ``IndexError`` is left for missing arguments of the message."""
    try:
        return value[index]
    except IndexError:
        raise ValueError(f"index {index!r} is out of range") from None


def has_at_most(items: int, value: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list has at most so many items, those of lists within it included.

    A list may be in several others, or twice in one: what looks small can stand for millions.
    """
    waiting = [value]
    while waiting:
        for each in waiting.pop():
            items -= 1
            if items < 0:
                return False
            if isinstance(each, _LISTS):
                waiting.append(each)
    return True


def _types(*values: object) -> str:
    return " and ".join(type(value).__name__ for value in values)


def _several(name: str, values: tuple[Any, ...]) -> Any:
    """What ``min`` and ``max`` compare: their arguments, or the items of one list."""
    if len(values) != 1:
        return values
    if not isinstance(values[0], list | tuple):
        raise TypeError(f"{name}() of one value needs a list, not {_types(*values)}")
    return values[0]


def _smallest(*values: Any) -> Any:
    return min(_several("min", values))


def _largest(*values: Any) -> Any:
    return max(_several("max", values))


def _round(value: Any, digits: int | None = None) -> Any:
    if digits is not None and not -MAX_DIGITS <= digits <= MAX_DIGITS:
        raise ValueError(f"round() keeps -{MAX_DIGITS} to {MAX_DIGITS} digits")
    return round(value, digits)


def _short(value: Any, longest: int) -> Any:
    if isinstance(value, _LISTS):
        if not has_at_most(longest, value):
            raise ValueError(f"more than {longest} items")
    elif not isinstance(value, int | float | None) and len(value) > longest:
        raise ValueError(f"longer than {longest}")
    return value


def _int(value: Any) -> int:
    return int(_short(value, MAX_DIGITS))


def _float(value: Any) -> float:
    return float(_short(value, MAX_DIGITS))


def _str(value: Any) -> str:
    text = to_text(_short(value, MAX_TEXT))
    return str(_short(text, MAX_TEXT))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}() needs text, not {type(value).__name__}; write {name}(str(…))")
    return str(_short(value, MAX_TEXT))


def _lower(value: Any) -> str:
    return _text("lower", value).lower()


def _upper(value: Any) -> str:
    return _text("upper", value).upper()


def _clamp(value: Any, low: Any, high: Any) -> Any:
    return low if value < low else high if value > high else value


def _lerp(low: float, high: float, share: float) -> float:
    return low + (high - low) * share


def _map_range(
    value: float, in_low: float, in_high: float, out_low: float, out_high: float
) -> float:
    return out_low + (value - in_low) / (in_high - in_low) * (out_high - out_low)


def _db_to_gain(db: float) -> float:
    return float(10.0 ** (db / 20.0))


def _gain_to_db(gain: float) -> float:
    return 20.0 * math.log10(gain) if gain != 0 else -math.inf


def _midi_to_hz(note: float) -> float:
    return float(440.0 * 2.0 ** ((note - 69.0) / 12.0))


def _hz_to_midi(frequency: float) -> float:
    return 69.0 + 12.0 * math.log2(frequency / 440.0)


def _local_hour(seconds: float) -> float:
    local = time.localtime(seconds)
    return local.tm_hour + local.tm_min / 60 + local.tm_sec / 3600


def _local_weekday(seconds: float) -> int:
    return time.localtime(seconds).tm_wday + 1


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "len": len, "abs": abs, "min": _smallest, "max": _largest, "round": _round,
    "floor": math.floor, "ceil": math.ceil, "sqrt": math.sqrt, "exp": math.exp, "log": math.log,
    "sin": math.sin, "cos": math.cos, "clamp": _clamp, "lerp": _lerp, "map_range": _map_range,
    "db_to_gain": _db_to_gain, "gain_to_db": _gain_to_db,
    "midi_to_hz": _midi_to_hz, "hz_to_midi": _hz_to_midi,
    "local_hour": _local_hour, "local_weekday": _local_weekday,
    "int": _int, "float": _float, "str": _str, "lower": _lower, "upper": _upper,
}  # fmt: skip
"""The functions that an expression may call, by name."""

NUMERIC: Final = FUNCTIONS.keys() - {"min", "max", "clamp", "str", "lower", "upper"}
"""The functions that return only numbers."""

OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "add": add, "multiply": multiply, "modulo": modulo, "power": power,
    "shift_left": shift_left, "item": item,
}  # fmt: skip
"""The operators whose results could become large, by the name that compiled code uses."""
