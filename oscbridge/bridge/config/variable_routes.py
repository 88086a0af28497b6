"""Finds problems of routes with variables or ``edge`` in their combination with other keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from oscbridge.bridge.config.problem import show
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.routes.config import RouteConfig

__all__ = ["unused_keys", "variable_problems"]

_Problem: TypeAlias = tuple[str, str, str]


def variable_problems(
    config: RouteConfig, route: RouteOptions, bridges: Mapping[str, object]
) -> Iterator[_Problem]:
    """The key, its value as shown, and the text of each. ``bridges`` are tables of bridges."""
    if not route.to:
        yield from _without_targets(route)
    if config.function is None or not config.needs_bridge:
        return
    for name in route.sources:
        bridge = bridges.get(name)
        if isinstance(bridge, Mapping) and bridge.get("mode") == "forking":
            what = "'edge'" if config.edge is not None else "'set'" if config.set else "'var.'"
            yield (
                "function",
                show(config.function),
                f"not possible with {what} in mode 'forking': bridge.{name} would run it in its "
                "own process; remove one of them, or choose another mode",
            )


def unused_keys(route: RouteOptions) -> Iterator[_Problem]:
    """The keys that have no effect without another one, in the same form."""
    if route.edge is not None and route.when is None:
        text = "has no effect without 'when'; add e.g. when = \"x > 0.5\""
        yield "edge", show(route.edge), text
    if route.set and not route.to and route.send is not None:
        yield "send", show(route.send), "has no effect without 'to'; add 'to'"


def _without_targets(route: RouteOptions) -> Iterator[_Problem]:
    if not route.set and "to" in route.model_fields_set:
        yield "to", "[]", 'expected a name in quotes, or a list of names: ["one", "two"]'
    elif not route.set:
        yield "to", "", 'missing key; name the endpoints to send to, e.g. to = "desk"'
