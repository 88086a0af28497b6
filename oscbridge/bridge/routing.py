"""From a configuration to what messages run through: routes, mapped to their sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from oscbridge.bridge.config.resolved import Configuration, RouteEntry
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.bridge.routes.route import Route, StatefulSteps
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.forked.supervisor import RoutePair
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.osc import Message, Origin
from oscbridge.source import Source

__all__ = ["Hooks", "Wired", "Wiring", "wire"]


class Hooks(Protocol):
    """The hooks of all plugins, as the system calls them."""

    def register_routes(self, dispatcher: Dispatcher, source: Source) -> None:
        """Let plugins put routes on the dispatcher of a source."""


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
        shown = {each.name: _Shown(each, each.name in routed, fed[name]) for each in sinks.values()}
        hooks.register_routes(dispatcher, Source(name, shown))
    return Wiring(routes, dispatchers, forked, fed)


def _tell(
    source: str, fed: Collection[str], sinks: Mapping[str, EndpointRunner], client: ClientAddress
) -> None:
    """Tell the endpoints that a source feeds that the connection of one of its clients is over."""
    for name in tuple(fed):
        sinks[name].source_gone(Origin(source, client))


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


class _Shown:
    """A sink as plugins see it. It notes that a source feeds the sink."""

    def __init__(self, sink: EndpointRunner, routed: bool, fed: set[str]) -> None:
        self.name = sink.name
        self.type = sink.type
        self.routed = routed
        self.takes_route = sink.takes_route
        self._sink = sink
        self._fed = fed

    @property
    def offer(self) -> Callable[[Message], None]:
        self._fed.add(self.name)
        return self._sink.offer
