"""The model of a route: every key with its type, its default and its meaning."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from oscbridge.bridge.config.names import NAME, NAME_RULE
from oscbridge.errors import DecodeError, PatternError
from oscbridge.options import Options
from oscbridge.osc import Pattern
from oscbridge.osc.arguments import layout
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.pattern import with_stars

__all__ = ["RouteOptions"]

SLOWEST: Final = 0.001
FASTEST: Final = 1_000_000
"""Range of ``limit``, in messages per second."""

MAX_LET: Final = 32
"""Names in ``let`` of one route."""

_Number = int | float  # a whole number stays whole: the type of the result depends on it
_Range = tuple[_Number, _Number, _Number, _Number]
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?/s")


def _pattern(value: str) -> str:
    if not with_stars(value).startswith(("/", "*")):
        raise ValueError("an address pattern must start with '/' or '*'")
    try:
        pattern = Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error).removeprefix(f"{value!r}: ")) from None
    if pattern.impossible:
        raise ValueError(f"matches no address: {pattern.impossible} matches no character")
    return value


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"invalid name; {NAME_RULE}")
    if value.isdigit():
        raise ValueError("looks like the number of a route; add a letter")
    return value


def _names(value: object) -> object:
    names = [value] if isinstance(value, str) else value
    if not (isinstance(names, list | tuple) and names and all(isinstance(n, str) for n in names)):
        raise ValueError('expected a name in quotes, or a list of names: ["one", "two"]')
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise ValueError(f"duplicate name {duplicates[0]!r}")
    return tuple(names)


Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


def _rate(value: object) -> object:
    if (
        not isinstance(value, str)
        or not _RATE.fullmatch(value)
        or not SLOWEST <= float(value[:-2]) <= FASTEST
    ):
        raise ValueError('expected messages per second, e.g. "30/s"')
    return value


def _types(value: str) -> str:
    if value.startswith(","):
        raise ValueError(f"must not start with a comma; write {value[1:]!r}")
    try:
        layout(value)
    except DecodeError as error:
        raise ValueError(str(error)) from None
    return value


def _range(value: object) -> object:
    if value is None:
        return None
    numbers = list(value) if isinstance(value, list | tuple) else []
    if len(numbers) != 4 or any(type(n) not in (int, float) for n in numbers):
        raise ValueError("expected four numbers: [in_low, in_high, out_low, out_high]")
    if not all(abs(n) <= LARGEST_FLOAT for n in numbers):  # NaN is not
        raise ValueError("the numbers must be finite and fit 32 bits")
    if numbers[0] == numbers[1]:
        raise ValueError("in_low and in_high must differ")
    if all(type(n) is int for n in numbers[2:]) and not all(abs(n) < 1 << 31 for n in numbers[2:]):
        raise ValueError("whole numbers must fit 32 bits; write a float, e.g. 1e10")
    return tuple(numbers)


class RouteOptions(Options):
    """``[[route]]``: from sources, by a match and steps, to endpoints."""

    sources: Names = Field(alias="from")
    """Bridges and endpoints to read from: a name, or a list of names."""
    name: Annotated[str, AfterValidator(_name)] | None = None
    """What metrics, logs and commands call the route, e.g. ``"faders"``; unique in all files."""
    enabled: bool = True
    """Whether the route gets messages. A disabled one is checked, and keeps its number."""
    match: Annotated[str, AfterValidator(_pattern)] = "*"
    """An address; ``*`` ``?`` ``[a-z]`` ``{a,b}`` match, ``{name}`` captures one part."""
    types: Annotated[str, AfterValidator(_types)] | None = None
    """Type tags that a message must have, e.g. ``"if"``."""
    let: Annotated[dict[str, str], Field(max_length=MAX_LET)] | None = None
    """Names for expressions that ``when``, ``send`` and later ones use, e.g.
    ``{ db = "-90 + 100 * x" }``."""
    when: str | None = None
    """The condition, an expression, e.g. ``"x > 0.5"``: other messages do not pass."""
    scale: Annotated[_Range | None, BeforeValidator(_range)] = None
    """Maps numbers from one range to another: ``[in_low, in_high, out_low, out_high]``, clamped.
    The result is a whole number if both output limits are."""
    curve: Annotated[float, Field(gt=0, le=100)] = 1.0
    """The exponent that ``scale`` applies to the position within the range."""
    send: str | None = None
    """The message to send instead, e.g. ``"/control 1 {n} {0}"``. ``{= x * 2 : i}`` is an
    expression."""
    function: str | None = None
    """A Python function that returns the message to send: ``"module:callable"``."""
    on_change: bool = False
    """Whether only changed values pass, per address."""
    limit: Annotated[str | None, BeforeValidator(_rate)] = None
    """Messages per second per address, e.g. ``"30/s"``: the latest wins, the last arrives."""
    delay: Annotated[float, Field(ge=0, le=3600)] | None = None
    """Seconds by which messages are delayed."""
    to: Names
    """Endpoints and bridges to send to: a name, or a list of names."""
