"""Values as a page shows them: small, and valid JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from oscbridge import MIDI, Argument, Color, Impulse, TimeTag
from oscbridge_ui.protocol_base import Scalar

__all__ = ["is_small", "kept_values", "shown_values", "texts_of"]

MAX_VALUES: Final = 16
MAX_CHARACTERS: Final = 400
MAX_BYTES: Final = 64

MAX_SAFE: Final = 2**53
"""The greatest integer that JavaScript has exactly."""

_LARGE: Final = frozenset("sSb[")
"""Type tags of values that may be large."""


def is_small(types: str | None) -> bool:
    """Whether all values with these type tags are small, and few."""
    return types is not None and len(types) <= MAX_VALUES and _LARGE.isdisjoint(types)


def kept_values(args: Sequence[Argument]) -> tuple[Argument, ...]:
    """As much of the values as :func:`shown_values` needs."""
    return tuple(map(_kept, args[: MAX_VALUES + 1]))


def _kept(value: Argument) -> Argument:
    match value:
        case str():
            return value if len(value) <= MAX_CHARACTERS else str(value[: MAX_CHARACTERS + 1])
        case bytes():
            return value[: MAX_BYTES + 1]
        case list():
            return list(kept_values(value))
    return value


def shown_values(args: Sequence[Argument]) -> tuple[Sequence[Scalar], bool]:
    """The first values, and whether there are more, or longer ones."""
    found = [_shown(each) for each in args[:MAX_VALUES]]
    is_cut = len(args) > MAX_VALUES or any(map(_is_long, args[:MAX_VALUES]))
    return found, is_cut


def texts_of(args: Sequence[Argument]) -> Iterator[str]:
    """The texts by which values are found; numbers also as a page writes them.

    0.7 is 0.699999988079071 as a float of 32 bits.
    """
    for each in shown_values(args)[0]:
        yield str(each).lower()
        if isinstance(each, float):
            size = abs(each)
            yield f"{each:.{1 if size >= 1_000 else 2 if size >= 100 else 3}f}"


def _is_long(value: Argument) -> bool:
    match value:
        case str():
            return len(value) > MAX_CHARACTERS
        case bytes():
            return len(value) > MAX_BYTES
    return False


def _shown(value: Argument) -> Scalar:
    match value:
        case bool() | None:
            return value
        case TimeTag() as tag:
            return str(int(tag))
        case Color():
            return f"#{int(value):08x}"
        case int():
            return int(value) if -MAX_SAFE < value < MAX_SAFE else str(int(value))
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return str(value[:MAX_CHARACTERS])
        case bytes():
            return value[:MAX_BYTES].hex()
        case MIDI():
            return bytes(each & 255 for each in value).hex()
        case Impulse():
            return "impulse"
    inner, is_cut = shown_values(value)
    return f"[{' '.join(map(str, inner))}{' …' if is_cut else ''}]"[:MAX_CHARACTERS]
