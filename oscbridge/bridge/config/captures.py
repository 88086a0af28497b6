"""Placeholders in the options of a route for an endpoint: captures and expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from oscbridge.bridge.routes.expression_problems import type_problem
from oscbridge.expressions.expression import Expression, Scope
from oscbridge.templates.expression import free_names
from oscbridge.templates.placeholders import Placeholder, Template, unknown_capture

if TYPE_CHECKING:
    from pydantic import ValidationInfo

__all__ = ["RouteContext", "check_captures", "check_template"]

_VARIABLE: Final = re.compile(r"\bvar\.\w+")


class RouteContext(NamedTuple):
    """What is known of the messages that reach an endpoint by a route."""

    let: tuple[str, ...]
    """Names of values of ``let``, which the endpoint does not get."""
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
        names = free_names(each.expression)
        unknown = [name for name in names if name not in (captures or ())]
        for name in () if route is None else route.let:
            if name in unknown:
                raise ValueError(_only_in_route(f"{name!r} of let", name))
        if (variable := _VARIABLE.search(each.expression)) is not None:
            raise ValueError(_only_in_route(repr(variable[0]), variable[0]))
        scope = Scope(names if captures is None else tuple(captures))
        expression = Expression(each.expression, scope)
        if route is None:
            continue
        why = "" if route.types is None else type_problem(expression, route.types)
        if why:
            raise ValueError(f"{each} fails for messages of types '{route.types}': {why}")
        route.expressions.append((info.field_name or "", each))


def _only_in_route(what: str, name: str) -> str:
    return (
        f"{what} is only known in the keys of the route itself: "
        f"write it into send, e.g. '/a {{= {name}}}', and x here"
    )


def _captures(info: ValidationInfo) -> Sequence[str] | None:
    """The names that the match captures, None outside a route."""
    return (info.context or {}).get("captures")
