"""Expressions in the options of a route for an endpoint, e.g. ``topic = "a/{= x * 100 : i}"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from keyword import iskeyword
from typing import Any, Final, NamedTuple

from oscbridge.errors import ExpressionFailed, MessageDropped
from oscbridge.expressions.expression import Context, Expression, Let, Scope, capture_value
from oscbridge.expressions.functions import FUNCTIONS
from oscbridge.expressions.results import bind_result, type_tag_of
from oscbridge.expressions.syntax import NAMES
from oscbridge.osc import Argument, Message
from oscbridge.templates.carried import CarryingCaptures
from oscbridge.templates.placeholders import Args, Placeholder

__all__ = ["TemplateExpression"]

MAX_BOUND: Final = 1_024
"""Most addresses for which an expression that depends on them is cached; then it starts empty."""

_WORD: Final = re.compile(r"[^\W\d]\w*")
_VARIABLE: Final = re.compile(r"\bvar\s*\.\s*(\w+)")
_NO_LET: Final[Let] = ()


class _BoundExpression(NamedTuple):
    call: Callable[[Args, Let], Argument]
    let: Let | None
    """The values of its names; None if they differ from message to message."""


class TemplateExpression:
    """The value of a placeholder ``{= x * 127 : i}`` for the messages that reach an endpoint.

    ``x``, ``args``, ``address`` and ``types`` are those of that message. The captures that a
    delivery has know the names in ``let`` and the variables of the route, too: pass them as they
    are. Raises :class:`~oscbridge.errors.ExpressionError`.
    """

    def __init__(self, placeholder: Placeholder) -> None:
        self._placeholder = placeholder
        text = placeholder.expression
        # Which names are captures, and which are those of let, only the route knows.
        words = tuple(word for word in dict.fromkeys(_WORD.findall(text)) if _is_free(word))
        variables = tuple(dict.fromkeys(_VARIABLE.findall(text)))
        scope = Scope(let=words, carried=variables)
        self._expression = expression = Expression(text, scope)
        self._names = tuple(name if name in expression.names else None for name in scope.values)
        self._bound: dict[object, _BoundExpression] = {}

    @cached_property
    def _always(self) -> Callable[[Args, Let], Argument] | None:
        """What to call for all messages, if it depends on the arguments only."""
        names = self._expression.names
        if any(name in ("address", "types") or name not in NAMES for name in names):
            return None
        return bind_result(self._expression, self._placeholder.type, Context("/"))

    def value(self, message: Message, captures: Mapping[str, str]) -> Argument:
        """The value. Raises :class:`~oscbridge.ExpressionFailed`."""
        try:
            call = self._always
            if call is not None:
                return call(message.args, _NO_LET)
            bound = self._bind(message, captures)
            let = bound.let
            if let is None and isinstance(captures, CarryingCaptures):
                let = self._values(captures, captures.carried)
            return bound.call(message.args, let or _NO_LET)
        except MessageDropped as error:
            raise ExpressionFailed(f"{message.address}: {error}") from None

    def tag(self, value: Argument) -> str:
        """The type tag of a value of it."""
        return self._placeholder.type or type_tag_of(value)

    def _bind(self, message: Message, captures: Mapping[str, str]) -> _BoundExpression:
        carries = isinstance(captures, CarryingCaptures)
        key = carries, message.address, message.types, *captures.values()
        bound = self._bound.get(key)
        if bound is None:
            context = Context(message.address, message.types or "", captures)
            call = bind_result(self._expression, self._placeholder.type, context)
            bound = _BoundExpression(call, None if carries else self._values(captures, {}))
            if len(self._bound) >= MAX_BOUND:
                self._bound.clear()
            self._bound[key] = bound
        return bound

    def _values(self, captures: Mapping[str, str], carried: Mapping[str, Argument]) -> Let:
        """The values of the names that it uses."""
        return tuple(
            [None if name is None else _look_up(name, captures, carried) for name in self._names]
        )


def _is_free(word: str) -> bool:
    """Whether a word of an expression may be a capture or a name in ``let``."""
    is_name = word.isidentifier() and not iskeyword(word)
    return is_name and word not in NAMES and word not in FUNCTIONS


def _look_up(name: str, captures: Mapping[str, str], carried: Mapping[str, Argument]) -> Any:
    if name in carried:
        return carried[name]
    if name in captures:
        return capture_value(captures[name])
    if "." in name:  # it was stored on disk by a route whose options did not use it
        raise MessageDropped("captures", f"the message came without a value of {name}")
    raise MessageDropped("captures", f"the address has no capture {{{name}}}")
