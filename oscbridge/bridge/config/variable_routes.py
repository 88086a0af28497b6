"""Finds problems of routes with variables or ``edge`` in their combination with other keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.routes.config import RouteConfig

__all__ = ["variable_problems"]


def variable_problems(
    config: RouteConfig, route: RouteOptions, bridges: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """The key and the text of each problem. ``bridges`` are the tables of the bridges."""
    if route.edge is not None and route.when is None:
        yield "edge", "has no effect without 'when'; add 'when', e.g. when = \"x > 0.5\""
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
                f"a function of a bridge in mode 'forking' cannot be in a route with {what}: "
                f"bridge.{name} runs it in other processes, which have no variables; "
                "use two routes, or another mode",
            )


def _without_targets(route: RouteOptions) -> Iterator[tuple[str, str]]:
    if not route.set:
        yield "to", 'missing key; name the endpoints to send to, e.g. to = "desk"'
    elif route.send is not None:
        yield "send", "has no effect without 'to'; add 'to', or remove 'send'"
