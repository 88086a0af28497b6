"""From a configuration to what messages run through: routes, mapped to their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from oscbridge.bridge.configuration.entries import Configuration, RouteEntry
from oscbridge.bridge.listeners.forking import RoutePair
from oscbridge.bridge.outgoing.delivery import Delivery
from oscbridge.bridge.routes.route import Route, Tail
from oscbridge.bridge.routes.steps import Steps
from oscbridge.bridge.source import Source
from oscbridge.dispatcher import Dispatcher

__all__ = ["Hooks", "Wired", "Wiring", "wire"]


class Hooks(Protocol):
    """The hooks of all plugins, as the system calls them."""

    def register_routes(self, dispatcher: Dispatcher, source: Source) -> None:
        """Let plugins put routes on the dispatcher of a source."""


@dataclass(frozen=True)
class Wired:
    """One route of the configuration, made."""

    entry: RouteEntry
    sinks: tuple[Delivery, ...]
    route: Route


@dataclass(frozen=True)
class Wiring:
    """All routes, made and mapped."""

    routes: Sequence[Wired]
    """In the order of the configuration."""
    dispatchers: Mapping[str, Dispatcher]
    """By source, bridge or endpoint: the mapping, for the source's own dispatcher to adopt."""
    forked: Mapping[str, Sequence[RoutePair]]
    """By bridge in mode forking: the routes that its children run."""


def wire(
    configuration: Configuration,
    endpoints: Mapping[str, Delivery],
    hooks: Hooks,
    before: Sequence[Wired] = (),
) -> Wiring:
    """Make and map all routes.

    A route that was there ``before``, with the same sinks, goes on with what it remembers.
    """
    known = list(before)
    sinks = {name: each for name, each in endpoints.items() if each.endpoint.is_sink()}
    forked: dict[str, list[RoutePair]] = {
        name: [] for name, options in configuration.bridges.items() if options.mode == "forking"
    }
    names = [*configuration.bridges, *configuration.endpoints]
    dispatchers = {name: Dispatcher(name=name) for name in names}
    routes = []
    for number, entry in enumerate(configuration.routes, 1):
        wired = _wire_one(entry, tuple(sinks[name] for name in entry.to), number, known)
        routes.append(wired)
        for source in entry.sources:
            if source in forked:
                forked[source].append(RoutePair(entry.spec, wired.route.tail))
            else:
                dispatchers[source].map(entry.spec.match, wired.route)
    for name, dispatcher in dispatchers.items():
        hooks.register_routes(dispatcher, Source(name, sinks))
    return Wiring(routes, dispatchers, forked)


def _wire_one(
    entry: RouteEntry, sinks: tuple[Delivery, ...], number: int, known: list[Wired]
) -> Wired:
    """Make one route; what it goes on with is taken out of ``known``."""
    name = f"route {number}"
    for index, old in enumerate(known):
        if old.entry == entry and old.sinks == sinks:
            route = known.pop(index).route
            return Wired(entry, sinks, Route(route.steps, route.tail, name))
    tail = Tail(sinks, entry.options, entry.memory)
    return Wired(entry, sinks, Route(Steps(entry.spec), tail, name))
