"""The steps let and when of a route."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.expressions.expression import Args, Context, Expression, Let, Scope, checked_value

__all__ = ["ExpressionSteps", "scope_of"]

Condition: TypeAlias = Callable[[Args, Let], bool]


def scope_of(config: RouteConfig, captures: tuple[str, ...]) -> Scope:
    """The names that ``when`` and ``send`` may use. Raises ``ValueError``.

    A route without expressions may have captures of any name, so nothing is checked there.
    """
    return Scope(captures, tuple(name for name, _ in config.let))


class ExpressionSteps:
    """Compiles ``let`` and ``when``. Raises ``ValueError`` for invalid ones."""

    def __init__(self, config: RouteConfig, captures: tuple[str, ...]) -> None:
        names = tuple(name for name, _ in config.let)
        self.let = tuple(
            (name, Expression(text, Scope(captures, names[:index])))
            for index, (name, text) in enumerate(config.let)
        )
        scope = Scope(captures, names)
        self.when = None if config.when is None else Expression(config.when, scope)

    def bind_let(self, context: Context) -> Callable[[Args], Let] | None:
        """What returns the values of ``let``, None if there are none.

        Raises :class:`~oscbridge.MessageDropped`, as it.
        """
        if not self.let:
            return None
        bound = [(expression, expression.bind(context)) for _, expression in self.let]

        def evaluate(args: Args) -> Let:
            values: Let = ()
            for expression, call in bound:
                try:
                    values = (*values, checked_value(call(args, values)))
                except Exception as error:
                    raise expression.failure(error, context, args, values) from None
            return values

        return evaluate

    def bind_when(self, context: Context) -> Condition | None:
        """What says whether the message passes, None if all do. A missing argument says no.

        Raises :class:`~oscbridge.MessageDropped`, as it.
        """
        expression = self.when
        if expression is None:
            return None
        call = expression.bind(context)

        def passes(args: Args, let: Let) -> bool:
            try:
                return True if call(args, let) else False  # noqa: SIM210  faster than bool()
            except IndexError:
                return False
            except Exception as error:
                raise expression.failure(error, context, args, let) from None

        return passes
