"""Finds problems of the expressions of a route before any message is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.trials import Trials
from oscbridge.bridge.routes.variables import FIXES, Variable
from oscbridge.expressions.expression import Context, Expression, Scope
from oscbridge.expressions.kinds import DESCRIPTIONS
from oscbridge.osc import Argument
from oscbridge.osc.pattern import Pattern
from oscbridge.suggestions import did_you_mean
from oscbridge.templates.message import MessageTemplate

__all__ = ["Finding", "expression_problems", "type_problem"]

_RELEASES: Final[tuple[Argument, ...]] = (0, 0.0, False)

_NO_RELEASE: Final = "filters out releases, which 'hold' needs and does not pass on; remove it"


class Finding(NamedTuple):
    """Something about an expression that cannot be meant."""

    key: tuple[str, ...]
    text: str
    expression: str
    is_certain: bool = True
    """Whether the route cannot work; otherwise it only does less than it seems to."""


def expression_problems(
    config: RouteConfig,
    template: MessageTemplate | None,
    variables: Mapping[str, Variable | None] | None = None,
) -> Iterator[Finding]:
    """The problems of the expressions in ``let``, ``when``, ``set`` and ``send``.

    Those that make ``send`` itself invalid are not among them.
    """
    captures = Pattern(config.match, mapped=True).captures
    names: tuple[str, ...] = ()
    let: list[tuple[str, Expression]] = []
    found: list[tuple[tuple[str, ...], Expression]] = []
    for name, text in config.let:
        try:
            Scope(captures, (*names, name))
            let.append((name, Expression(text, Scope(captures, names, config.variables))))
            found.append((("let", name), let[-1][1]))
        except ValueError as error:
            yield Finding(("let", name), str(error), text)
        names = (*names, name)
    trials = Trials(config.types, tuple(let), variables or {})
    if config.when is not None:
        try:
            condition = Expression(config.when, Scope(captures, names, config.variables))
            found.append((("when",), condition))
            if doubt := _doubt(condition, trials, config):
                yield Finding(("when",), doubt, config.when, is_certain=False)
        except ValueError as error:
            yield Finding(("when",), str(error), config.when)
    for name, text in config.set:
        if name not in config.variables:
            yield Finding(("set", name), _unknown_variable(name, config.variables), text)
            continue
        try:
            expression = Expression(text, Scope(captures, names, config.variables))
        except ValueError as error:
            yield Finding(("set", name), str(error), text)
            continue
        found.append((("set", name), expression))
        if why := _kind_problem(expression, trials, name):
            yield Finding(("set", name), why, text)
    if template is not None:
        found += [(("send",), each) for each in template.expressions.values()]
    for key, expression in found:
        is_scaled = key == ("send",) and config.scale is not None
        if why := _constant_problem(expression) or (
            "" if is_scaled else _failure(expression, trials)
        ):
            yield Finding(key, why, expression.text)


def type_problem(expression: Expression, types: str) -> str:
    """Why an expression fails for all values of these types; empty if that is not certain."""
    return Trials(types).failure(expression)


def _doubt(condition: Expression, trials: Trials, config: RouteConfig) -> str:
    """Why a condition, or a part of it, is not what it seems; empty if nothing is known.

    Not an error: it may be there for a while, e.g. to try something, or be meant.
    """
    try:
        trials.check_condition(condition)
    except ValueError as error:
        return str(error)
    if why := trials.part_failure(condition):
        return f"{why} {trials.suffix}"
    if config.hold is not None and config.edge is None and _filters_releases(condition):
        return _NO_RELEASE
    return ""


def _filters_releases(condition: Expression) -> bool:
    """Whether it is certain that a condition is false for each release of a button."""
    if set(condition.names) != {"x"}:
        return False
    call, none = condition.bind(Context("/", "f")), ()
    try:
        return not any(call((value,), none) for value in _RELEASES)
    except Exception:
        return False


def _failure(expression: Expression, trials: Trials) -> str:
    why = trials.failure(expression)
    return why and f"fails {trials.suffix}: {why}"


def _constant_problem(expression: Expression) -> str:
    try:
        expression.check_constants()
    except ValueError as error:
        return str(error)
    return ""


def _unknown_variable(name: str, known: tuple[str, ...]) -> str:
    fix = did_you_mean(name, known) or "add it to [variables]"
    return f"no such variable; {fix}"


def _kind_problem(expression: Expression, trials: Trials, name: str) -> str:
    """Why the values of an expression are never of the kind of a variable; empty if unknown."""
    variable, kind = trials.variables.get(name), expression.kind(trials.kinds)
    if variable is None or kind in (None, variable.kind):
        return ""
    return (
        f"the result is {DESCRIPTIONS[kind]}, but the variable is {DESCRIPTIONS[variable.kind]}; "
        f"{FIXES[variable.kind]}"
    )
