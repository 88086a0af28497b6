"""What the options of a route for an endpoint may refer to."""

from __future__ import annotations

from collections.abc import Iterable

from oscbridge.bridge.config.captures import RouteContext
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Scope
from oscbridge.osc.pattern import Pattern
from oscbridge.templates.message import MessageTemplate

__all__ = ["route_context"]


def route_context(route: RouteOptions, variables: Iterable[str]) -> RouteContext:
    """The names of ``let``, and the types of the messages that the route sends, if known.

    Names of ``let`` that are a problem there are left out.
    """
    captures = Pattern(route.match, mapped=True).captures
    let = tuple(name for name in route.let or () if _is_valid(captures, name))
    return RouteContext(let, tuple(variables), _types(route), [])


def _is_valid(captures: tuple[str, ...], name: str) -> bool:
    try:
        Scope(captures, (name,))
    except ValueError:
        return False
    return True


def _types(route: RouteOptions) -> str | None:
    if route.function is not None or route.scale is not None:
        return None
    if route.send is None:
        return route.types
    captures = Pattern(route.match, mapped=True).captures
    try:
        template = MessageTemplate(route.send, captures)
        if any(each.is_capture for each in template.placeholders):
            return None  # a number or a text, as the address says
        if route.types is None and any(each.depends_on_arguments for each in template.placeholders):
            return None
        return template.bind("/", route.types or "", {}).types
    except (ValueError, MessageDropped):  # with expressions, or reported as a problem of send
        return None
