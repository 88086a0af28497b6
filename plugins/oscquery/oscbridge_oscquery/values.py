"""Values as JSON by their type tags, and back: the attribute ``VALUE``. Pure.

Source: OSCQuery proposal, "VALUE". Numbers and texts are themselves, a colour is ``"#RRGGBBAA"``,
T and F are booleans, an array is an array, and what JSON does not have (N, I, b, m) is null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq
from typing import Final

import oscbridge

__all__ = [
    "MAX_ARRAY_DEPTH",
    "MAX_VALUES",
    "ValueMismatch",
    "decode_value",
    "encode_value",
    "has_same_shape",
    "is_type_tags",
]

MAX_VALUES: Final = 256
"""Most type tags of a node, brackets included."""

MAX_ARRAY_DEPTH: Final = 8
"""Most arrays within arrays."""

TAGS: Final = frozenset("ifsbhtdScrmTFNI")

_COLOUR: Final = re.compile("#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_INT32: Final = range(-(1 << 31), 1 << 31)
_INT64: Final = range(-(1 << 63), 1 << 63)
_MAX_TEXT: Final = 65_535
"""Most characters of a text: more do not fit in a datagram."""


class ValueMismatch(ValueError):
    """A value in JSON does not fit the type tags."""


def is_type_tags(text: str) -> bool:
    """Whether these are type tags with matching brackets, within the limits."""
    depth = 0
    if len(text) > MAX_VALUES:
        return False
    for tag in text:
        if tag == "[":
            depth += 1
            if depth > MAX_ARRAY_DEPTH:
                return False
        elif tag == "]":
            depth -= 1
            if depth < 0:
                return False
        elif tag not in TAGS:
            return False
    return depth == 0


def has_same_shape(types: str, other: str) -> bool:
    """Whether values with one's type tags fit the other's: as many, in the same arrays, and texts
    and colours, which both are texts in JSON, in the same places."""
    if types == other:
        return True
    return len(types) == len(other) and all(map(eq, map(_kind, types), map(_kind, other)))


def _kind(tag: str) -> str:
    return "s" if tag in "sSc" else tag if tag in "[]r" else ""


# --- to JSON --------------------------------------------------------------------------------------


def _float32(value: object) -> float | None:
    number = _number(value)
    return oscbridge.shortest(number) if math.isfinite(number) else None


def _float64(value: object) -> float | None:
    number = _number(value)
    return number if math.isfinite(number) else None


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")
    return float(value)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is not a whole number")
    return int(value)


def _seconds(value: object) -> float:
    return oscbridge.TimeTag(_whole(value)).unix_ns() / 1e9


def _null(_value: object) -> None:
    return None


_TO_JSON: Final[Mapping[str, Callable[[object], object]]] = {
    "i": _whole,
    "h": _whole,
    "f": _float32,
    "d": _float64,
    "t": _seconds,
    "s": str,
    "S": str,
    "c": str,
    "r": lambda value: f"#{_whole(value):08X}",
    "T": lambda _value: True,
    "F": lambda _value: False,
    "N": _null,
    "I": _null,
    "b": _null,
    "m": _null,
}


encode_value: Final = oscbridge.argument_converter(_TO_JSON)
"""The values of a message as JSON. Raises :class:`oscbridge.EncodeError`."""


# --- from JSON ------------------------------------------------------------------------------------


def decode_value(types: str, values: object) -> tuple[str, tuple[oscbridge.Argument, ...]]:
    """Type tags and values of a ``VALUE`` attribute, which may be wrong in every way.

    ``types`` are those of the node; the tags of the result differ where a boolean does: ``T`` is
    also the type of a node that is false. A single value need not be in an array. Raises
    :class:`ValueMismatch`.
    """
    if not isinstance(values, list):
        values = [values]
    elif len(types) > 1 and types[0] == "[" and len(values) != 1:
        values = _in_array(types, values)
    tags = iter(types)
    found_types, found = _decode_all(tags, values, "")
    if found_types is None:
        raise ValueMismatch("more type tags than values")
    return found_types, tuple(found)


def _in_array(types: str, values: Sequence[object]) -> list[object]:
    """Values whose brackets a server has left out: ``[1, 2]`` with the type tags ``[ff]``."""
    return [list(values)] if types.count("[") == 1 and types.endswith("]") else list(values)


def _decode_all(
    tags: Iterator[str], values: Sequence[object], end: str
) -> tuple[str | None, list[oscbridge.Argument]]:
    """Values up to the tag ``end``. The tags are None if there are fewer values."""
    out, types = list[oscbridge.Argument](), ""
    for value in values:
        tag = next(tags, "")
        if tag == end or not tag:
            raise ValueMismatch("more values than type tags")
        if tag == "[":
            if not isinstance(value, list):
                raise ValueMismatch(f"expected an array, got {_shown(value)}")
            inner, items = _decode_all(tags, value, "]")
            if inner is None:
                raise ValueMismatch("more type tags than values in an array")
            types, out = f"{types}[{inner}]", [*out, items]
        else:
            found_tag, item = _decode_one(tag, value)
            types += found_tag
            out.append(item)
    return (types if next(tags, "") == end else None), out


def _decode_one(tag: str, value: object) -> tuple[str, oscbridge.Argument]:
    if tag in "TF":
        return ("T", True) if _boolean(value) else ("F", False)
    if tag in "NI":
        return tag, (oscbridge.IMPULSE if tag == "I" else None)
    if value is None or tag in "bm":
        raise ValueMismatch(f"no value of the type tag {tag}")
    return tag, _FROM_JSON[tag](value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return value == 1
    raise ValueMismatch(f"expected true or false, got {_shown(value)}")


def _whole_in(numbers: range) -> Callable[[object], oscbridge.Argument]:
    def read(value: object) -> oscbridge.Argument:
        number = _finite(value)
        whole = int(number)
        if whole != number or whole not in numbers:
            raise ValueMismatch(f"expected a whole number, got {_shown(value)}")
        return whole

    return read


def _finite(value: object) -> int | float:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    raise ValueMismatch(f"expected a number, got {_shown(value)}")


def _real(value: object) -> oscbridge.Argument:
    return float(_finite(value))


def _read_text(value: object) -> oscbridge.Argument:
    if not isinstance(value, str) or "\0" in value or len(value) > _MAX_TEXT:
        raise ValueMismatch(f"expected a text, got {_shown(value)}")
    return value


def _character(value: object) -> oscbridge.Argument:
    if not isinstance(value, str) or len(value) != 1:
        raise ValueMismatch(f"expected one character, got {_shown(value)}")
    return value


def _colour(value: object) -> oscbridge.Argument:
    if isinstance(value, str) and _COLOUR.fullmatch(value):
        return oscbridge.Color(int(value[1:].ljust(8, "F"), 16))
    raise ValueMismatch(f"expected a colour as #RRGGBBAA, got {_shown(value)}")


def _time_tag(value: object) -> oscbridge.Argument:
    seconds = _finite(value)
    if not 0 <= seconds < 1 << 32:
        raise ValueMismatch(f"expected seconds since 1970, got {_shown(value)}")
    return oscbridge.TimeTag.from_unix_ns(round(seconds * 1e9))


_FROM_JSON: Final[Mapping[str, Callable[[object], oscbridge.Argument]]] = {
    "i": _whole_in(_INT32),
    "h": _whole_in(_INT64),
    "f": _real,
    "d": _real,
    "t": _time_tag,
    "s": _read_text,
    "S": _read_text,
    "c": _character,
    "r": _colour,
}


def _shown(value: object) -> str:
    if isinstance(value, list | dict):  # may be nested too deeply for repr()
        return "an array" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
