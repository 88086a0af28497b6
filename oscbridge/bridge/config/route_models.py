"""The model of a route: every key with its type, its default and its meaning."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue

from oscbridge.bridge.config.names import NAME, NAME_RULE
from oscbridge.bridge.config.regular_expressions import regular_expression_hint
from oscbridge.bridge.routes.config import Edge
from oscbridge.bridge.routes.relative import RelativeEncoding
from oscbridge.contract.options import Options
from oscbridge.errors import DecodeError, PatternError
from oscbridge.osc.arguments import layout
from oscbridge.osc.conversion import LARGEST_FLOAT
from oscbridge.osc.pattern import Pattern, with_stars

__all__ = ["RouteOptions"]

SLOWEST: Final = 0.001
FASTEST: Final = 1_000_000
"""Range of ``limit``, in messages per second."""

MAX_LET: Final = 32
"""Names in ``let`` of one route."""

MAX_SET: Final = 32
"""Variables in ``set`` of one route."""

MAX_PART: Final = 16
"""Names in ``json``."""

LONGEST: Final = 3600
"""Seconds that a step of a route may take."""

_Number = int | float  # a whole number stays whole: the type of the result depends on it
_Range = tuple[_Number, _Number, _Number, _Number]
_Duration = Annotated[float, Field(gt=0, le=LONGEST)]
_RATE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?/s")
_SENT = r"^\s*[/{]"  # an address, {address} or an expression
_FUNCTION = r"^[^:]+:[^:]+$"
_TYPES = r"^[ifsbhtdScrmTFNI\[\]]*$"
_Rate = Annotated[str, Field(pattern=f"^{_RATE.pattern}$")]


def _pattern(value: str) -> str:
    hint = regular_expression_hint(value)
    more = f"; {hint}" if hint else ""
    if not with_stars(value).startswith(("/", "*")):
        raise ValueError(f"an address pattern must start with '/' or '*'{more}")
    try:
        pattern = Pattern(value, mapped=True)
    except PatternError as error:
        raise ValueError(str(error).removeprefix(f"{value!r}: ") + more) from None
    if pattern.impossible:
        raise ValueError(f"matches no address: {pattern.impossible} matches no character")
    return value


def _json_part(value: object) -> object:
    if value is None or isinstance(value, bool):
        return () if value else None
    if not isinstance(value, str) or not all(parts := value.split(".")):
        raise ValueError('expected true, or names with dots between them, e.g. "data.0.name"')
    if len(parts) > MAX_PART:
        raise ValueError(f"at most {MAX_PART} names are possible")
    return tuple(parts)


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


_OneOrMore = str | Annotated[tuple[str, ...], Field(min_length=1)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=_OneOrMore)]


def _targets(value: object) -> object:
    return () if value in ([], ()) else _names(value)


def _assignments(value: object) -> object:
    """With expressions in place of numbers, true and false."""
    if not isinstance(value, dict):
        return value
    return {
        name: repr(each) if isinstance(each, bool | int | float) else each
        for name, each in value.items()
    }


_Targets = Annotated[
    tuple[str, ...], BeforeValidator(_targets, json_schema_input_type=str | tuple[str, ...])
]
_Assignments = Annotated[
    dict[str, str],
    BeforeValidator(_assignments, json_schema_input_type=dict[str, str | bool | int | float]),
    Field(max_length=MAX_SET),
]


def _normalized(let: dict[str, str]) -> dict[str, str]:
    """With the names as Python reads them in expressions: an ``ü`` may be two characters."""
    return {unicodedata.normalize("NFKC", name): text for name, text in let.items()}


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


_TO_OR_SET: Final[dict[str, JsonValue]] = {
    "anyOf": [
        {"required": ["to"], "properties": {"to": {"minItems": 1}}},
        {"required": ["set"]},
    ]
}
"""In the JSON Schema: a route has a target unless it sets variables."""


class RouteOptions(Options):
    """``[[route]]``: from sources, by a match and steps, to endpoints."""

    model_config = ConfigDict(json_schema_extra=_TO_OR_SET)
    protected_keys: ClassVar[Collection[str]] = ("function",)

    sources: Names = Field(alias="from")
    """Bridges and endpoints to read from: a name, or a list of names."""
    name: (
        Annotated[
            str, AfterValidator(_name), Field(json_schema_extra={"pattern": f"^{NAME.pattern}$"})
        ]
        | None
    ) = None
    """What metrics, logs and commands call the route, e.g. ``"faders"``; unique in all files."""
    enabled: bool = True
    """Whether the route gets messages. A disabled one is checked, and keeps its number."""
    match: Annotated[
        str, AfterValidator(_pattern), Field(json_schema_extra={"pattern": r"^(/|\*|\.\*)"})
    ] = "*"
    """An address; ``*`` ``?`` ``[a-z]`` ``{a,b}`` ``{01..32}`` match, ``{name}`` captures one
    part, ``{name*}`` at the end all parts that are left."""
    json_part: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(_json_part, json_schema_input_type=bool | str),
        Field(alias="json"),
    ] = None
    """Makes messages of the JSON in the first argument: of all of it (``true``), or of a part, e.g.
    ``"data"`` or ``"data.0.name"``."""
    types: (
        Annotated[str, AfterValidator(_types), Field(json_schema_extra={"pattern": _TYPES})] | None
    ) = None
    """Type tags that a message must have, e.g. ``"if"``."""
    let: (
        Annotated[dict[str, str], AfterValidator(_normalized), Field(max_length=MAX_LET)] | None
    ) = None
    """Names for expressions that ``when``, ``send`` and later ones use, e.g.
    ``{ db = "-90 + 100 * x" }``."""
    when: str | None = None
    """The condition, an expression, e.g. ``"x > 0.5"``: other messages do not pass."""
    edge: Edge | None = None
    """With ``when``: pass only when the condition changes, per address: ``rising`` (it becomes
    true), ``falling`` or ``both``."""
    set: _Assignments | None = None
    """Variables and the expressions of their new values, e.g. ``{ armed = "not var.armed" }``."""
    relative: RelativeEncoding | None = None
    """The last argument, 0 to 127, is the movement of a relative encoder: it becomes the steps up
    or down. ``twos_complement`` (127 is -1), ``signed_bit`` (65 is -1) or ``offset_64`` (63
    is -1)."""
    scale: Annotated[_Range | None, BeforeValidator(_range, json_schema_input_type=_Range)] = None
    """Maps numbers from one range to another: ``[in_low, in_high, out_low, out_high]``, clamped.
    The result is a whole number if both output limits are."""
    curve: Annotated[float, Field(gt=0, le=100)] = 1.0
    """The exponent that ``scale`` applies to the position within the range."""
    send: Annotated[str, Field(json_schema_extra={"pattern": _SENT})] | None = None
    """The message to send instead, e.g. ``"/control 1 {n} {0}"``. ``{= x * 2 : i}`` is an
    expression."""
    function: Annotated[str, Field(json_schema_extra={"pattern": _FUNCTION})] | None = None
    """A Python function that returns the message to send: ``"module:callable"``."""
    on_change: bool = False
    """Whether only changed values pass, per address."""
    limit: Annotated[str | None, BeforeValidator(_rate, json_schema_input_type=_Rate)] = None
    """Messages per second per address, e.g. ``"30/s"``: the latest wins, the last arrives."""
    debounce: _Duration | None = None
    """Seconds without another message at an address after which its last one passes."""
    hold: _Duration | None = None
    """Seconds for which the first argument must stay true: a long press."""
    ramp: _Duration | None = None
    """Seconds in which numbers glide from the last values to the new ones, per address."""
    delay: Annotated[float, Field(ge=0, le=LONGEST)] | None = None
    """Seconds by which messages are delayed."""
    to: _Targets = ()
    """Endpoints and bridges to send to: a name, or a list of names. May be missing in a route with
    ``set``."""
