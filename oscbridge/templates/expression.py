"""Expressions in the options of a route for an endpoint, e.g. ``topic = "a/{= x * 100 : i}"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

from oscbridge.errors import ExpressionFailed, MessageDropped
from oscbridge.expressions.expression import Context, Expression, Let, Scope
from oscbridge.expressions.functions import FUNCTIONS
from oscbridge.expressions.results import bind_result, type_tag_of
from oscbridge.expressions.syntax import NAMES
from oscbridge.osc import Argument, Message
from oscbridge.templates.placeholders import Args, Placeholder

__all__ = ["TemplateExpression", "free_names"]

MAX_BOUND: Final = 1_024
"""Most addresses for which an expression that depends on them is cached; then it starts empty."""

_WORD: Final = re.compile(r"[^\W\d]\w*")
_NO_LET: Final[Let] = ()


def free_names(expression: str) -> tuple[str, ...]:
    """The words of an expression that may be captures of the route's match."""
    words = dict.fromkeys(_WORD.findall(expression))
    return tuple(word for word in words if word not in NAMES and word not in FUNCTIONS)


class TemplateExpression:
    """The value of a placeholder ``{= x * 127 : i}`` for the messages that reach an endpoint.

    ``x``, ``args``, ``address`` and ``types`` are those of that message, and captures are known by
    their names. Raises :class:`~oscbridge.errors.ExpressionError`.
    """

    def __init__(self, placeholder: Placeholder) -> None:
        self._placeholder = placeholder
        text = placeholder.expression
        self._expression = Expression(text, Scope(free_names(text)))
        self._bound: dict[object, Callable[[Args, Let], Argument]] = {}

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
            if call is None:
                call = self._bind(message, captures)
            return call(message.args, _NO_LET)
        except MessageDropped as error:
            raise ExpressionFailed(f"{message.address}: {error}") from None

    def tag(self, value: Argument) -> str:
        """The type tag of a value of it."""
        return self._placeholder.type or type_tag_of(value)

    def _bind(
        self, message: Message, captures: Mapping[str, str]
    ) -> Callable[[Args, Let], Argument]:
        key = message.address, message.types, *captures.values()
        call = self._bound.get(key)
        if call is None:
            context = Context(message.address, message.types or "", captures)
            call = bind_result(self._expression, self._placeholder.type, context)
            if len(self._bound) >= MAX_BOUND:
                self._bound.clear()
            self._bound[key] = call
        return call
