"""Placeholders in the options of a route for an endpoint: captures and expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from oscbridge.bridge.routes.expression_problems import type_problem
from oscbridge.expressions.expression import Expression, Scope
from oscbridge.templates.expression import TemplateExpression
from oscbridge.templates.placeholders import Placeholder, Template, unknown_capture

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = ["RouteContext", "check_captures", "check_template"]


class RouteContext(NamedTuple):
    """The properties of messages that reach an endpoint by a route."""

    let: tuple[str, ...]
    """Names of values of ``let``."""
    variables: tuple[str, ...]
    types: str | None
    """Their type tags; None if they are not known."""
    expressions: list[tuple[str, Placeholder]]
    """The expressions that :func:`check_template` has found, with their keys."""


def check_captures(names: Iterable[str], info: ValidationInfo) -> None:
    """Raise ``ValueError`` for a name that the route's match does not capture.

    For pydantic validators of an endpoint's ``RouteOptions``; the error lists the captured
    names. Outside a route no match is known, and every name is accepted.
    """
    captures = _captures(info)
    if captures is None:
        return
    for name in names:
        if name not in captures:
            raise ValueError(unknown_capture(f"{{{name}}}", captures))


def check_template(template: Template, info: ValidationInfo) -> None:
    """Check the captures and the expressions of a template, like :func:`check_captures`.

    Raises ``ValueError`` for an unknown name, and for an expression that fails for all messages of
    the types that the route sends.
    """
    check_captures(template.captures, info)
    captures = _captures(info)
    route: RouteContext | None = (info.context or {}).get("route")
    for each in template.placeholders:
        if not each.expression:
            continue
        if captures is None or route is None:
            TemplateExpression(each)
            continue
        scope = Scope(tuple(captures), route.let, route.variables)
        expression = Expression(each.expression, scope)
        why = "" if route.types is None else type_problem(expression, route.types)
        if why:
            raise ValueError(f"{each} fails for messages of types '{route.types}': {why}")
        route.expressions.append((info.field_name or "", each))


def _captures(info: ValidationInfo) -> Sequence[str] | None:
    """The names that the match captures, None outside a route."""
    return (info.context or {}).get("captures")
