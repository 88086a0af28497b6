"""The expressions of the steps let, when and set of a route."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.expressions.expression import Args, Context, Expression, Let, Scope, checked_value
from oscbridge.osc.pattern import Pattern
from oscbridge.templates.message import MessageTemplate
from oscbridge.templates.placeholders import Placeholder

__all__ = ["ExpressionSteps", "carried_names", "scope_of", "used_variables"]

Condition: TypeAlias = Callable[[Args, Let], object]
"""Returns a value that counts as true for messages that pass."""


def scope_of(config: RouteConfig, captures: tuple[str, ...]) -> Scope:
    """The names that ``when`` and ``send`` may use. Raises ``ValueError``.

    A route without expressions may have captures of any name, so nothing is checked there.
    """
    return Scope(captures, tuple(name for name, _ in config.let), config.variables)


def carried_names(config: RouteConfig, expressions: Iterable[Placeholder]) -> tuple[str, ...]:
    """The names of ``let``, and ``var.NAME``, that expressions in options for endpoints use.

    Those that are invalid are ignored.
    """
    captures = Pattern(config.match, mapped=True).captures
    let = {name for name, _ in config.let}
    names: dict[str, None] = {}
    for each in expressions:
        try:
            used = Expression(each.expression, scope_of(config, captures)).names
        except ValueError:
            continue
        names |= dict.fromkeys(name for name in used if name in let or name.startswith("var."))
    return tuple(names)


def used_variables(config: RouteConfig, template: MessageTemplate | None) -> tuple[str, ...]:
    """The variables that a route reads or sets, in order; empty if its expressions are invalid."""
    try:
        steps = ExpressionSteps(config, Pattern(config.match, mapped=True).captures)
    except ValueError:
        return ()
    expressions = [expression for _, expression in (*steps.let, *steps.set)]
    expressions += [] if steps.when is None else [steps.when]
    expressions += [] if template is None else template.expressions.values()
    found = [
        name.removeprefix("var.")
        for names in (*(each.names for each in expressions), config.carried)
        for name in names
        if name.startswith("var.")
    ]
    return tuple(dict.fromkeys((*found, *(name for name, _ in config.set))))


class ExpressionSteps:
    """Compiles ``let``, ``when`` and ``set``. Raises ``ValueError`` for invalid ones."""

    def __init__(self, config: RouteConfig, captures: tuple[str, ...]) -> None:
        names = tuple(name for name, _ in config.let)
        self.let = tuple(
            (name, Expression(text, Scope(captures, names[:index], config.variables)))
            for index, (name, text) in enumerate(config.let)
        )
        decides = config.when is not None or config.set
        scope = scope_of(config, captures) if decides else None
        self.when = None if config.when is None else Expression(config.when, scope)
        self.set = tuple((name, Expression(text, scope)) for name, text in config.set)

    def bind_let(self, context: Context) -> Callable[[Args], Let] | None:
        """What returns the values of ``let``, None if there are none.

        Raises :class:`~oscbridge.MessageDropped`, as it.
        """
        if not self.let:
            return None
        bound = [(name, expression, expression.bind(context)) for name, expression in self.let]

        def evaluate(args: Args) -> Let:
            values: Let = ()
            for name, expression, call in bound:
                try:
                    values = (*values, checked_value(call(args, values)))
                except Exception as error:
                    place = f"let {name}"
                    raise expression.failure(error, context, args, values, place) from None
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

        def passes(args: Args, let: Let) -> object:
            try:
                return call(args, let)
            except IndexError:
                return False
            except Exception as error:
                raise expression.failure(error, context, args, let, "when") from None

        return passes
