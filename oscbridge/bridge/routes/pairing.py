"""Which route of a new configuration is which of the previous one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.naming import route_ids, route_text
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.route_sink import RouteSink
from oscbridge.bridge.routes.variables import Variables

__all__ = ["RouteChanges", "identify", "pair_routes"]

DISABLED: Final = "disabled"
"""The step that filters the held messages of a route that is disabled at a reload."""


@dataclass(frozen=True)
class RouteChanges:
    """What differs between the routes of two configurations, in words without verbs."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    enabled: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    unnamed: int = 0
    """Number of new or changed routes without a name."""
    unnamed_removed: int = 0
    """Number of routes without a name that are gone."""


def pair_routes(
    configs: Sequence[RouteConfig],
    sinks: Mapping[str, RouteSink],
    previous: Sequence[Route],
    variables: Variables | None = None,
) -> tuple[tuple[Route, ...], RouteChanges]:
    """The routes of ``configs``, and what differs from the ``previous`` ones.

    A previous route with the same content and the same sinks is used again: that with the same
    name, or one that was renamed. Of a changed route with the same name the counters are kept.
    """
    pairs = dict(_pairs(configs, previous))
    named = {route.config.name: route for route in previous if route.config.name}
    ids = tuple(route_ids(configs))
    used: dict[int, Route] = {}
    routes = []
    for index, config in enumerate(configs):
        route, targets = pairs.get(index), tuple(sinks[name] for name in config.to)
        if route is not None and route.sinks == targets:
            used[index] = route
        else:
            before = route or named.get(config.name)
            route = Route(config, targets, _text(index, config), before, variables)
            route.id = ids[index]
        routes.append(route)
    return tuple(routes), _changes(configs, previous, used)


def _pairs(
    configs: Sequence[RouteConfig], previous: Sequence[Route]
) -> Iterator[tuple[int, Route]]:
    """Routes with the same content, by the index of their configuration.

    First those with the same name, then those that were given another name or lost it.
    """
    known: defaultdict[object, list[Route]] = defaultdict(list)
    for route in previous:
        known[_content(route.config)].append(route)
    before = {route.config.name for route in previous if route.config.name}
    after = {config.name for config in configs if config.name}
    left = []
    for index, config in enumerate(configs):
        found = known[_content(config)]
        same = next((each for each in found if each.config.name == config.name), None)
        if same is not None:
            found.remove(same)
            yield index, same
        elif config.name not in before:
            left.append((index, config))
    for index, config in left:
        found = known[_content(config)]
        same = next((each for each in found if each.config.name not in after), None)
        if same is not None:
            found.remove(same)
            yield index, same


def _content(config: RouteConfig) -> object:
    """What two routes that do the same have in common: 127 equals 127.0, but not as a ``scale``."""
    return config, tuple(map(type, config.scale or ()))


def _changes(
    configs: Sequence[RouteConfig], previous: Sequence[Route], used: Mapping[int, Route]
) -> RouteChanges:
    same = [(i, configs[i], used[i].config) for i in sorted(used)]
    new = [config for i, config in enumerate(configs) if i not in used]
    kept = set(map(id, used.values()))
    old = [route.config for route in previous if id(route) not in kept]
    before, after = ({each.name for each in some if each.name} for some in (old, new))
    toggled = [(_text(i, now), now.enabled) for i, now, was in same if now.enabled != was.enabled]
    unnamed, gone = (sum(not each.name for each in some) for some in (new, old))
    return RouteChanges(
        added=tuple(f"route {each.name}" for each in new if each.name and each.name not in before),
        removed=tuple(f"route {each}" for each in _names(old) if each not in after),
        changed=tuple(f"route {each}" for each in _names(new) if each in before),
        renamed=tuple(
            f"{_text(i, was)} to {now.name or 'no name'}"
            for i, now, was in same
            if now.name != was.name
        ),
        enabled=tuple(text for text, enabled in toggled if enabled),
        disabled=tuple(text for text, enabled in toggled if not enabled),
        unnamed=unnamed,
        unnamed_removed=max(gone - unnamed, 0),
    )


def _names(configs: Sequence[RouteConfig]) -> list[str]:
    return [each.name for each in configs if each.name]


def _text(index: int, config: RouteConfig) -> str:
    return route_text(index + 1, config.name, config.match)


def identify(routes: Sequence[Route], configs: Sequence[RouteConfig]) -> None:
    """Give routes the names and states of a new configuration.

    What a route holds back when it is disabled is filtered out.
    """
    ids = route_ids(configs)
    for index, (route, config, route_id) in enumerate(zip(routes, configs, ids, strict=True)):
        was_enabled = route.config.enabled
        route.config, route.id = config, route_id
        route.name = _text(index, config)
        if was_enabled and not config.enabled:
            route.stateful.discard(DISABLED)
