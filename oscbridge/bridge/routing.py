"""From a configuration to running routes, mapped to their sources."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from typing import Protocol, cast

from oscbridge.bridge.addresses.links import DirectLink
from oscbridge.bridge.clients.sink import BridgeSink
from oscbridge.bridge.config.media import neighbours_of
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.routes.direct import DirectRoute
from oscbridge.bridge.routes.pairing import RouteChanges, pair_routes
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.route_sink import RouteSink
from oscbridge.bridge.routes.variables import Variables
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.abilities import Paced
from oscbridge.contract.options import Options
from oscbridge.contract.source import RouteFunction, Routes, Sink, Source
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import Handler
from oscbridge.errors import PluginError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Origin

__all__ = ["Hooks", "Routing", "SourceRouting", "make_routing", "raise_failure_of"]


class Hooks(Protocol):
    """The hooks of all plugins, as the bridge calls them."""

    def register_routes(
        self, routes: Routes, source: Source
    ) -> Mapping[PluginError, Collection[str]] | None:
        """Let plugins add routes that read from a source.

        Returns the failures, each with the endpoint types of its plugin.
        """


@dataclass(frozen=True)
class SourceRouting:
    """The routes of one source, a bridge or an endpoint."""

    source: str
    addresses: AddressMap = field(default_factory=AddressMap)
    """The routes that run in this process, by their matches."""
    forked: list[Route] = field(default_factory=list)
    """The routes whose pure steps run in the worker; only for bridges in mode forking."""
    sinks: dict[str, EndpointRunner] = field(default_factory=dict)
    """The endpoints that any of these routes leads to, by name."""
    incidental: set[str] = field(default_factory=set)
    """Those of them that only incidental routes of plugins lead to."""
    direct: list[DirectLink] = field(default_factory=list)
    """The routes that plugins declare or register."""
    _orders: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, match: str, route: Route | DirectRoute) -> None:
        """Map a route that runs in this process. A message takes its routes in this order."""
        handler = Handler(route, [])
        handler.order = next(self._orders)
        self.addresses.add(match, handler)

    def has_backpressure(self, *, is_stream: bool) -> bool:
        """Whether one of the sinks wants the source to pause; ``is_stream``: its clients wait."""
        found = [sink.backpressure for sink in self.sinks.values() if sink.backpressure.is_active]
        return any(is_stream or not each.only_streams for each in found)

    @cached_property
    def _forked_addresses(self) -> AddressMap:
        """The routes of the worker, by their matches."""
        found = AddressMap()
        for route in self.forked:
            found.add(route.config.match, Handler(route, []))
        return found

    def receivers(self, address: str) -> Sequence[str]:
        """The endpoints that routes lead messages with this address to."""
        here, there = self.addresses.match(address), self._forked_addresses.match(address)
        sinks: list[RouteSink] = []
        for route in (handler.callback for handler, _ in chain(there, here)):
            if isinstance(route, Route):
                sinks += route.sinks
            elif isinstance(route, DirectRoute):
                sinks.append(route.sink)
        return tuple(dict.fromkeys(each.name for each in sinks))

    def install(self, dispatcher: Dispatcher) -> None:
        """Make the source's dispatcher use these routes."""
        dispatcher.adopt(self.addresses, self.notify_peer_disconnected)
        sinks = tuple(self.sinks.values())
        is_paced = bool(sinks) and all(isinstance(each.endpoint, Paced) for each in sinks)
        dispatcher.patience = (lambda: min(s.patience for s in sinks)) if is_paced else None

    def notify_peer_disconnected(self, client: ClientAddress) -> None:
        """Tell the endpoints that the connection of one of the source's clients has ended."""
        for sink in tuple(self.sinks.values()):
            sink.notify_peer_disconnected(Origin(self.source, client))


@dataclass(frozen=True)
class Routing:
    """All routes of a configuration and of plugins."""

    routes: tuple[Route, ...] = ()
    """The routes of the configuration, in its order."""
    sources: Mapping[str, SourceRouting] = field(default_factory=dict)
    """By the name of the bridge or the endpoint."""
    changes: RouteChanges = field(default_factory=RouteChanges)
    """What differs from the previous routes."""
    problems: tuple[str, ...] = ()
    """Why plugins that are used could not register all their routes."""

    def install(self, dispatchers: Mapping[str, Dispatcher]) -> None:
        """Make the dispatchers of all sources use these routes."""
        for name, dispatcher in dispatchers.items():
            self.sources[name].install(dispatcher)

    def note_targets(self, endpoints: Mapping[str, EndpointRunner]) -> None:
        """Tell endpoints which sinks their messages are routed to."""
        for name, runner in endpoints.items():
            runner.targets = self.sources[name].sinks

    def idle(self, endpoints: Iterable[str]) -> list[str]:
        """Those of the endpoints that no route leads to or from, including routes of plugins."""
        sinks = {name: each.sinks.keys() - each.incidental for name, each in self.sources.items()}
        used = {name for found in sinks.values() for name in found}
        return [name for name in endpoints if name not in used and not sinks[name]]

    def without(self, other: Routing) -> list[Route]:
        """The routes that the other routing does not have."""
        known = set(map(id, other.routes))
        return [route for route in self.routes if id(route) not in known]


def make_routing(
    configuration: Configuration,
    endpoints: Mapping[str, EndpointRunner],
    hooks: Hooks,
    previous: Sequence[Route] | None = None,
    variables: Variables | None = None,
) -> Routing:
    """Make and map all routes.

    An unchanged route of the ``previous`` ones, with the same sinks, is used again and keeps its
    state; a changed one with the same name keeps its counters. Routes read and set ``variables``.
    With ``previous`` routes, raises :class:`PluginError` if a plugin that is used fails.
    """
    if variables is not None:
        variables.add(configuration.variables)
    sinks = {name: each for name, each in endpoints.items() if each.endpoint.is_sink()}
    routes, changes = pair_routes(configuration.routes, sinks, previous or (), variables)
    names = (*configuration.bridges, *configuration.endpoints)
    sources = {name: SourceRouting(name) for name in names}
    for name, options in configuration.bridges.items():
        if options.clients is not None:
            clients = cast(BridgeSink, endpoints[name].endpoint)
            sources[name] = SourceRouting(name, clients.address_map(options.clients))
    for route, config in zip(routes, configuration.routes, strict=True):
        if not config.enabled:
            continue  # its endpoints still have no default routes: nothing flows by surprise
        for name in config.sources:
            source, bridge = sources[name], configuration.bridges.get(name)
            source.sinks.update({to: sinks[to] for to in config.to})
            if bridge is not None and bridge.mode == "forking":
                source.forked.append(route)
            else:
                source.add(config.match, route)
    routed = {name for route in routes for name in route.config.to}
    read = {name for route in routes for name in route.config.sources}
    neighbours = neighbours_of(configuration.endpoints)
    public = {each.name: Sink(each.name, each.type, each.name in routed) for each in sinks.values()}
    problems: dict[str, None] = {}
    for name, source in sources.items():
        registered = _RegisteredRoutes(source, sinks)
        for sink in sinks.values():
            if sink.name not in routed and sink.name not in neighbours.get(name, ()):
                registered.add_defaults(sink, is_source=sink.name in read)
        failures = hooks.register_routes(registered, Source(name, public)) or {}
        registered.close()
        if previous is not None:
            raise_failure_of(configuration, failures)
        problems.update((str(error), None) for error in _of_used(configuration, failures))
    return Routing(routes, sources, changes, tuple(problems))


def raise_failure_of(
    configuration: Configuration, failures: Mapping[PluginError, Collection[str]]
) -> None:
    """Raise the failure of a plugin that the configuration uses, if there is one."""
    for error in _of_used(configuration, failures):
        raise error


def _of_used(
    configuration: Configuration, failures: Mapping[PluginError, Collection[str]]
) -> Iterator[PluginError]:
    """The failures of plugins whose endpoint types are used, or that offer none: routes alone."""
    used = {entry.type_name for entry in configuration.endpoints.values()}
    return (e for e, types in failures.items() if not types or not used.isdisjoint(types))


class _RegisteredRoutes:
    """The routes that plugins declare or register for one source (:class:`oscbridge.Routes`)."""

    def __init__(self, source: SourceRouting, sinks: Mapping[str, EndpointRunner]) -> None:
        self._source = source
        self._sinks = sinks
        self._is_closed = False

    def add_defaults(self, sink: EndpointRunner, *, is_source: bool) -> None:
        """Add the routes that an endpoint's type declares for when no other leads to it."""
        endpoint = sink.endpoint
        if self._source.source == sink.name and not endpoint.default_routes_include_self:
            return
        for match in endpoint.default_routes_for(endpoint.options, is_source=is_source):
            self._map(match, sink, DirectRoute(sink))
            self._source.direct.append(DirectLink(match, sink.name, None, False))

    def add(
        self,
        match: str,
        sink: Sink,
        *,
        types: str | None = None,
        function: RouteFunction | None = None,
        options: Options | None = None,
        incidental: bool = False,
    ) -> None:
        if self._is_closed:
            raise RuntimeError("routes can be added only while the hook runs")
        runner = self._sinks[sink.name]
        model = runner.endpoint.route_options_type
        if options is not None and (model is None or not isinstance(options, model)):
            expected = "no route options" if model is None else model.__name__
            raise TypeError(f"endpoint {sink.name!r} takes {expected}, not {options!r}")
        if incidental and sink.name not in self._source.sinks:
            self._source.incidental.add(sink.name)
        elif not incidental:
            self._source.incidental.discard(sink.name)
        self._map(match, runner, DirectRoute(runner, types, function, options))
        self._source.direct.append(DirectLink(match, sink.name, types, function is not None))

    def _map(self, match: str, sink: EndpointRunner, route: DirectRoute) -> None:
        self._source.add(match, route)
        self._source.sinks[sink.name] = sink

    def close(self) -> None:
        """Accept no more routes: from now on the dispatcher is in use."""
        self._is_closed = True
