"""Values of expressions as OSC arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from oscbridge.expressions.expression import (
    Args,
    Bound,
    Context,
    Expression,
    Let,
    checked_value,
)
from oscbridge.osc import Argument
from oscbridge.osc.conversion import CONVERT, LARGEST_FLOAT

__all__ = ["bind_result", "type_tag_of"]

_INT32: Final = 1 << 31

_DESCRIBED: Final = {"tuple": "a list", "list": "a list", "bytes": "a blob", "NoneType": "nil"}
"""Types of values that cannot be sent, in the words of OSC."""


def bind_result(
    expression: Expression, tag: str | None, context: Context
) -> Callable[[Args, Let], Argument]:
    """The value of an expression as an argument of this type; None keeps the type of the value.

    It raises :class:`~oscbridge.MessageDropped` if the expression fails or has no such value.
    """
    bound = expression.bind(context)
    if tag is None:
        return _bind_untyped(expression, bound, context)
    convert = CONVERT[tag]

    def run(args: Args, let: Let) -> Argument:
        try:
            return convert(bound(args, let))
        except Exception as error:
            raise expression.failure(error, context, args, let) from None

    return run


def _bind_untyped(
    expression: Expression, bound: Bound, context: Context
) -> Callable[[Args, Let], Argument]:
    def run(args: Args, let: Let) -> Argument:
        try:
            value = bound(args, let)
            if value.__class__ is float and -LARGEST_FLOAT <= value <= LARGEST_FLOAT:
                return value  # fast, for most messages
            return _sendable(value)
        except Exception as error:
            raise expression.failure(error, context, args, let) from None

    return run


def type_tag_of(value: object) -> str:
    """The type tag of a value of an expression."""
    kind = value.__class__
    if kind is float:
        return "f"
    if isinstance(value, str):
        return "s"
    if kind is bool:
        return "T" if value else "F"
    return "i" if isinstance(value, int) and -_INT32 <= value < _INT32 else "h"


def _sendable(value: Any) -> Argument:
    if isinstance(value, bool):
        return value
    match checked_value(value):
        case int():
            return CONVERT["h"](value)
        case float():
            return CONVERT["f"](value)
        case str() if "\0" not in value:
            return str(value)
        case str():
            raise ValueError("OSC strings cannot contain NUL")
    found = _DESCRIBED.get(type(value).__name__, type(value).__name__)
    raise TypeError(f"the result is {found}, not a number or a text")
