"""Finds problems of the expressions of a route before any message is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.variables import FIXES, Variable
from oscbridge.expressions.expression import Args, Context, Expression, Let, Scope
from oscbridge.expressions.kinds import DESCRIPTIONS, Kind, kind_of
from oscbridge.expressions.syntax import ARGUMENTS
from oscbridge.osc import Argument, Pattern
from oscbridge.osc.arguments import split_types
from oscbridge.suggestions import did_you_mean
from oscbridge.templates.message import MessageTemplate

__all__ = ["expression_problems", "type_problem"]

_SAMPLES: Final[dict[str, tuple[Argument, ...]]] = {
    "i": (0, 1), "h": (0, 1), "f": (0.0, 0.5), "d": (0.0, 0.5), "s": ("", "1"), "S": ("", "1"),
    "T": (True,), "F": (False,), "N": (None,),
}  # fmt: skip
"""Values of each type with which expressions are tried."""

_RELEASES: Final[tuple[Argument, ...]] = (0, 0.0, False)

_NO_RELEASE: Final = "filters out releases, which 'hold' needs and does not pass on; remove it"

_Problem = tuple[tuple[str, ...], str, str]


def expression_problems(
    config: RouteConfig,
    template: MessageTemplate | None,
    variables: Mapping[str, Variable | None] | None = None,
) -> Iterator[_Problem]:
    """The key, the problem and the expression of each one in ``let``, ``when``, ``set``, ``send``.

    Those that make ``send`` itself invalid are not among them.
    """
    captures = Pattern(config.match, mapped=True).captures
    names: tuple[str, ...] = ()
    found: list[tuple[tuple[str, ...], Expression]] = []
    for name, text in config.let:
        try:
            Scope(captures, (*names, name))
            scope = Scope(captures, names, config.variables)
            found.append((("let", name), Expression(text, scope)))
        except ValueError as error:
            yield ("let", name), str(error), text
        names = (*names, name)
    if config.when is not None:
        try:
            condition = Expression(config.when, Scope(captures, names, config.variables))
            condition.check_condition()
            found.append((("when",), condition))
            if config.hold is not None and config.edge is None and _filters_releases(condition):
                yield ("when",), _NO_RELEASE, config.when
        except ValueError as error:
            yield ("when",), str(error), config.when
    for name, text in config.set:
        if name not in config.variables:
            yield ("set", name), _unknown_variable(name, config.variables), text
            continue
        try:
            expression = Expression(text, Scope(captures, names, config.variables))
        except ValueError as error:
            yield ("set", name), str(error), text
            continue
        found.append((("set", name), expression))
        variable = (variables or {}).get(name)
        if variable is not None and (why := _kind_problem(expression, config, variable, variables)):
            yield ("set", name), why, text
    if config.scale is None and template is not None:
        found += [(("send",), each) for each in template.expressions.values()]
    if config.types is None:
        return
    for key, expression in found:
        why = type_problem(expression, config.types)
        if why:
            yield key, f"fails with types = {config.types!r}: {why}", expression.text


def type_problem(expression: Expression, types: str) -> str:
    """Why an expression fails for all values of these types; empty if that is not certain."""
    tags = split_types(types)
    others = (*expression.scope.captures, *expression.scope.let)
    if any(tag not in _SAMPLES for tag in tags) or len(tags) > 8:
        return ""
    if any(name in others or name.startswith("var.") for name in expression.names):
        return ""  # of any type
    none: Let = ()
    captures = dict.fromkeys(expression.scope.captures, "0")
    call = expression.bind(Context("/", types, captures))
    why = ""
    for args in _samples(tags):
        try:
            call(args, none)
        except IndexError:
            why = f"messages have {len(tags)} argument{'' if len(tags) == 1 else 's'}"
        except TypeError as error:
            why = str(error)
        except Exception:
            return ""
        else:
            return ""
    return why


def _filters_releases(condition: Expression) -> bool:
    """Whether it is certain that a condition is false for each release of a button."""
    if set(condition.names) != {"x"}:
        return False
    call, none = condition.bind(Context("/", "f")), ()
    try:
        return not any(call((value,), none) for value in _RELEASES)
    except Exception:
        return False


def _samples(tags: list[str]) -> Iterator[Args]:
    return product(*(_SAMPLES[tag] for tag in tags))


def _unknown_variable(name: str, known: tuple[str, ...]) -> str:
    fix = did_you_mean(name, known) or "add it to [variables]"
    return f"no such variable; {fix}"


def _kind_problem(
    expression: Expression,
    config: RouteConfig,
    variable: Variable,
    variables: Mapping[str, Variable | None] | None,
) -> str:
    """Why the values of an expression are never of the kind of a variable; empty if unknown."""
    names: dict[str, Kind] = {"address": "text", "types": "text", "now": "number"}
    for name, each in (variables or {}).items():
        if each is not None:
            names[f"var.{name}"] = each.kind
    for name, tag in zip(ARGUMENTS, split_types(config.types or ""), strict=False):
        if tag in _SAMPLES and (kind := kind_of(_SAMPLES[tag][0])) is not None:
            names[name] = kind
    kind = expression.kind(names)
    if kind in (None, variable.kind):
        return ""
    return (
        f"the result is {DESCRIPTIONS[kind]}, but the variable is {DESCRIPTIONS[variable.kind]}; "
        f"{FIXES[variable.kind]}"
    )
