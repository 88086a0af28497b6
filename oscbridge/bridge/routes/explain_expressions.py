"""Explains what the expressions of a route do with a message: ``let``, ``when`` and ``set``."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Final

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.expression_steps import ExpressionSteps
from oscbridge.bridge.routes.trace_steps import Happened, Step
from oscbridge.bridge.routes.variable_steps import bind_set
from oscbridge.bridge.routes.variables import Variables
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Args, Context, Let
from oscbridge.osc import Message
from oscbridge.osc.pattern import Pattern

__all__ = ["MAX_VALUE", "expression_steps"]

MAX_VALUE: Final = 60
"""Characters of a value that a step shows."""


def expression_steps(
    route: RouteConfig,
    message: Message,
    captures: Mapping[str, str],
    variables: Variables,
    happened: Happened | None,
) -> Generator[Step, None, Let | None]:
    """The steps from ``let`` to ``set``; returns the values of ``let``, None if it ends there."""
    steps = ExpressionSteps(route, Pattern(route.match, mapped=True).captures)
    context = Context(message.address, message.types or "", captures, variables.values)
    key = "let"
    let: Let = ()
    try:
        evaluate = steps.bind_let(context)
        if evaluate is not None:
            let = evaluate(message.args)
        for (name, expression), value in zip(steps.let, let, strict=True):
            yield Step("let", f"{name} = {expression.line}", f"{value!r}"[:MAX_VALUE])
        key = "when"
        condition = steps.bind_when(context)
        if condition is not None and steps.when is not None:
            passes = bool(condition(message.args, let))
            known = steps.when.values(context, message.args, let)
            values = ", ".join(f"{name} = {value!r}"[:MAX_VALUE] for name, value in known)
            text = f"{'yes' if passes else 'no'}: {values}" if values else f"{passes}".lower()
            goes_on = passes or route.edge is not None
            yield Step("when", steps.when.line, text, "passed" if goes_on else "stopped")
            if route.edge is not None:
                step = _edge(route.edge, passes, happened)
                yield step
                goes_on = step.outcome == "passed"
            if not goes_on:
                return None
        key = "set"
        yield from _assignments(steps, context, message.args, let, variables)
    except MessageDropped as error:
        value = route.when or "" if key == "when" else ""
        yield Step(key, value, f"lost: {error}", "stopped")
        return None
    return let


def _edge(edge: str, now: bool, happened: Happened | None) -> Step:
    """The step ``edge``, which depends on the message before."""
    if edge not in ("both", "rising" if now else "falling"):
        return Step("edge", edge, f"no: the condition is {str(now).lower()}", "stopped")
    before = "not true" if now else "true"
    if happened is None:
        return Step("edge", edge, f"passes if the condition was {before} before")
    if happened.filtered.get("edge"):
        same = "true" if now else "not true"
        return Step("edge", edge, f"no: the condition was {same} before, too", "stopped")
    return Step("edge", edge, f"yes: the condition was {before} before")


def _assignments(
    steps: ExpressionSteps, context: Context, args: Args, let: Let, variables: Variables
) -> Iterator[Step]:
    """The step ``set``, after which the variables have their new values."""
    assign = bind_set(steps, context, variables)
    if assign is None:
        return
    before = variables.snapshot()
    assign(args, let)
    for name, expression in steps.set:
        text = f"{before[name]!r:.{MAX_VALUE}} → {variables.values[name]!r:.{MAX_VALUE}}"
        yield Step("set", f"{name} = {expression.line}", text)
