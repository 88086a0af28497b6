"""From a configuration to what messages run through: routes, mapped to their sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from oscbridge.bridge.config.resolved import Configuration, RouteEntry
from oscbridge.bridge.routes.direct import DirectRoute
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.bridge.routes.route import Route, StatefulSteps
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.forked.supervisor import RoutePair
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.options import Options
from oscbridge.osc import Origin
from oscbridge.source import RouteFunction, Routes, Sink, Source

__all__ = ["Hooks", "Wired", "Wiring", "wire"]


class Hooks(Protocol):
    """The hooks of all plugins, as the system calls them."""

    def register_routes(self, routes: Routes, source: Source) -> None:
        """Let plugins add routes that read from a source."""


@dataclass(frozen=True)
class Wired:
    """One route of the configuration, made."""

    entry: RouteEntry
    sinks: tuple[EndpointRunner, ...]
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
    fed: Mapping[str, Set[str]]
    """By source: the names of the endpoints that it feeds, through routes of plugins too."""


def wire(
    configuration: Configuration,
    endpoints: Mapping[str, EndpointRunner],
    hooks: Hooks,
    before: Sequence[Wired] = (),
) -> Wiring:
    """Make and map all routes.

    A route that was there ``before``, with the same sinks, goes on with what it remembers.
    """
    known: defaultdict[Hashable, list[Wired]] = defaultdict(list)
    for wired in reversed(before):
        known[_key(wired.entry)].append(wired)
    sinks = {name: each for name, each in endpoints.items() if each.endpoint.is_sink()}
    forked: dict[str, list[RoutePair]] = {
        name: [] for name, options in configuration.bridges.items() if options.mode == "forking"
    }
    names = [*configuration.bridges, *configuration.endpoints]
    dispatchers = {name: Dispatcher(name=name) for name in names}
    fed: dict[str, set[str]] = {name: set() for name in names}
    routes = []
    for number, entry in enumerate(configuration.routes, 1):
        same = known[_key(entry)]
        wired = _wire_one(entry, tuple(sinks[name] for name in entry.to), number, same)
        routes.append(wired)
        for source in entry.sources:
            fed[source].update(entry.to)
            if source in forked:
                forked[source].append(RoutePair(entry.spec, wired.route.tail))
            else:
                dispatchers[source].map(entry.spec.match, wired.route)
    routed = {name for entry in configuration.routes for name in entry.to}
    for name, dispatcher in dispatchers.items():
        dispatcher.on_client_disconnected(partial(_tell, name, fed[name], sinks))
        registered = _RegisteredRoutes(dispatcher, sinks, fed[name])
        for sink in sinks.values():
            if sink.name not in routed:
                registered.add_defaults(name, sink)
        shown = {
            each.name: Sink(each.name, each.type, each.name in routed) for each in sinks.values()
        }
        hooks.register_routes(registered, Source(name, shown))
        registered.close()
    return Wiring(routes, dispatchers, forked, fed)


def _tell(
    source: str, fed: Collection[str], sinks: Mapping[str, EndpointRunner], client: ClientAddress
) -> None:
    """Tell the endpoints that a source feeds that the connection of one of its clients is over."""
    for name in tuple(fed):
        sinks[name].notify_peer_disconnected(Origin(source, client))


def _wire_one(
    entry: RouteEntry, sinks: tuple[EndpointRunner, ...], number: int, known: list[Wired]
) -> Wired:
    """Make one route; what it goes on with is taken out of ``known``, whose last come first."""
    name = f"route {number}"
    for index in reversed(range(len(known))):
        if known[index].entry == entry and known[index].sinks == sinks:
            return Wired(entry, sinks, known.pop(index).route.renamed(name))
    tail = StatefulSteps(sinks, entry.options, entry.memory)
    return Wired(entry, sinks, Route(PureSteps(entry.spec), tail, name))


def _key(entry: RouteEntry) -> Hashable:
    """What equal routes have in common. So thousands need not be held against each other."""
    return entry.sources, entry.spec, entry.memory, entry.to


class _RegisteredRoutes:
    """The routes that plugins declare or register for one source (:class:`oscbridge.Routes`)."""

    def __init__(
        self, dispatcher: Dispatcher, sinks: Mapping[str, EndpointRunner], fed: set[str]
    ) -> None:
        self._dispatcher = dispatcher
        self._sinks = sinks
        self._fed = fed
        self._is_closed = False

    def add_defaults(self, source: str, sink: EndpointRunner) -> None:
        """Add the routes that an endpoint's type declares for when no other leads to it."""
        endpoint = type(sink.endpoint)
        if source == sink.name and not endpoint.default_routes_include_self:
            return
        for match in endpoint.default_routes:
            self._map(match, DirectRoute(sink))

    def add(
        self,
        match: str,
        sink: Sink,
        *,
        types: str | None = None,
        function: RouteFunction | None = None,
        options: Options | None = None,
    ) -> None:
        if self._is_closed:
            raise RuntimeError("routes can be added only while the hook runs")
        runner = self._sinks[sink.name]
        model = runner.endpoint.route_options_type
        if options is not None and (model is None or not isinstance(options, model)):
            expected = "no route options" if model is None else model.__name__
            raise TypeError(f"endpoint {sink.name!r} takes {expected}, not {options!r}")
        self._map(match, DirectRoute(runner, types, function, options))

    def _map(self, match: str, route: DirectRoute) -> None:
        self._dispatcher.map(match, route)
        self._fed.add(route.sink.name)

    def close(self) -> None:
        """Accept no more routes: from now on the dispatcher is in use."""
        self._is_closed = True
