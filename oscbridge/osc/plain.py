"""Arguments as plain text and as plain JSON values, for protocols without type tags."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from oscbridge.errors import EncodeError
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.message import Message
from oscbridge.osc.timetag import TimeTag
from oscbridge.osc.values import MIDI, Argument, Color, Impulse

__all__ = ["argument_converter", "plain_float", "plain_text", "plain_values", "shortest"]

_FLOAT32: Final = struct.Struct(">f")

_LARGEST_PLAIN: Final = 1e15
"""Whole floats below are written without a fraction."""


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


def plain_text(value: Argument, tag: str = "") -> str:
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
            return " ".join(plain_text(item) for item in value)
    return str(value)


def argument_converter(
    functions: Mapping[str, Callable[..., object]],
) -> Callable[[Message], list[object]]:
    """Make a function that converts the arguments of a message, each by its type tag.

    Arrays become lists. The arguments of a message without type tags are blobs. The function
    raises :class:`EncodeError` for a message whose arguments do not fit its type tags.
    """

    def convert(message: Message) -> list[object]:
        """The converted arguments. Raises :class:`EncodeError`."""
        types = message.types
        if types is None:  # no type tags: the rest of the packet is one blob
            types = "b" * len(message.args)
        try:
            tags = iter(types)
            values = [convert_next(tags, value) for value in message.args]
            if next(tags, None) is not None:
                raise ValueError("more type tags than arguments")
            return values
        except (TypeError, ValueError, OverflowError, KeyError, StopIteration) as error:
            # Only a plugin can make such a message: received OSC messages are valid.
            raise EncodeError(f"{message.address} ,{message.types}: {error!r}") from None

    def convert_next(tags: Iterator[str], value: Argument) -> object:
        tag = next(tags)
        if tag != "[":
            return functions[tag](value)
        if not isinstance(value, list | tuple):
            raise TypeError(f"{value!r} is not an array")
        out = [convert_next(tags, item) for item in value]
        if next(tags) != "]":
            raise ValueError("more type tags than values in an array")
        return out

    return convert


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

plain_values: Final = argument_converter(_PLAIN)
"""The arguments as JSON values. Raises :class:`EncodeError`."""
