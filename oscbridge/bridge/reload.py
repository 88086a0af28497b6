"""What a new configuration changes, and in which order; computed before anything is done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.port_conflicts import (
    Listen,
    collide,
    listen_of_bridge,
    listens_of_endpoint,
)
from oscbridge.bridge.config.process_models import HTTPOptions
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.lifecycle import introduce, open_listener
from oscbridge.bridge.routes.pairing import RouteChanges, identify
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.variables import Variables
from oscbridge.bridge.routing import Routing
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.failures import failure_text

__all__ = [
    "Changes",
    "PreparedReload",
    "ReloadPlan",
    "changes_of",
    "has_port_of",
    "install",
    "open_early",
    "plan",
]


_ANNOUNCED: Final = ("announce", "advertise")
"""Keys of a bridge that change while its server stays."""

MAX_NAMES: Final = 20
"""Names that a summary lists of one kind of change."""


@dataclass(frozen=True)
class ReloadPlan:
    """The bridges and endpoints that a reload touches, by name."""

    early: tuple[str, ...] = ()
    """Bridges to start before anything is closed: new, changed or not running."""
    late: tuple[str, ...] = ()
    """Bridges to start later, as a part that is to be closed occupies their address."""
    closing: tuple[str, ...] = ()
    """Bridges whose old server, if any, is to be stopped."""
    leaving: tuple[str, ...] = ()
    """Endpoints to be stopped: removed or restarted ones."""
    entering: tuple[str, ...] = ()
    """Endpoints to be started."""

    @property
    def opening(self) -> tuple[str, ...]:
        """Bridges to start."""
        return (*self.early, *self.late)


@dataclass
class PreparedReload:
    """The parts of a new configuration that have been made so far, before the switch."""

    configuration: Configuration
    variables: Variables
    plan: ReloadPlan = field(default_factory=ReloadPlan)
    routing: Routing = field(default_factory=Routing)
    kept: dict[str, EndpointRunner] = field(default_factory=dict)
    """Endpoints that keep running."""
    fresh: dict[str, EndpointRunner] = field(default_factory=dict)
    """New endpoints and new instances of old ones."""
    dispatchers: dict[str, Dispatcher] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    """Servers that were started early."""
    started: list[Route] = field(default_factory=list)
    """Routes that were started."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why bridges that are to be tried again do not listen, by name."""
    certificates: list[str] = field(default_factory=list)
    """A line about each new certificate."""
    failures: list[str] = field(default_factory=list)
    """Why endpoints that keep running did not take over the new configuration."""

    @property
    def endpoints(self) -> dict[str, EndpointRunner]:
        """All endpoints, in the order of the configuration."""
        known = self.kept | self.fresh
        return {name: known[name] for name in self.configuration.endpoints}


def plan(
    old: Configuration, new: Configuration, kept: Collection[str], running: Collection[str]
) -> ReloadPlan:
    """The steps of a reload; ``kept`` are endpoints that keep running, ``running`` bridges.

    A bridge that should be running and is not is restarted, changed or not.
    """
    stay = {name for name in running if _is_same(old.bridges[name], new.bridges.get(name))}
    closing = [name for name in old.bridges if name not in stay]
    opening = [name for name in new.bridges if name not in stay]
    leaving = [name for name in old.endpoints if name not in kept]
    taken = list(_listens(old, closing, leaving))
    late = [
        name
        for name in opening
        if any(collide(listen_of_bridge(name, new.bridges[name]), each) for each in taken)
    ]
    return ReloadPlan(
        early=tuple(name for name in opening if name not in late),
        late=tuple(late),
        closing=tuple(closing),
        leaving=tuple(leaving),
        entering=tuple(name for name in new.endpoints if name not in kept),
    )


def _is_same(old: BridgeOptions, new: BridgeOptions | None) -> bool:
    """Whether a server can stay: only its clients and its announcement may differ."""
    others = {name: getattr(old, name) for name in ("clients", *_ANNOUNCED)}
    return new is not None and old == new.model_copy(update=others)


def has_port_of(http: HTTPOptions, old: Configuration) -> bool:
    """Whether a bridge or an endpoint now listens on the port of the HTTP server."""
    listen = Listen("http", "tcp", http.listen, str(http.listen))
    return any(collide(listen, each) for each in _listens(old, old.bridges, old.endpoints))


def _listens(
    configuration: Configuration, bridges: Collection[str], endpoints: Collection[str]
) -> Iterator[Listen]:
    for name in bridges:
        yield listen_of_bridge(name, configuration.bridges[name])
    for name in endpoints:
        yield from listens_of_endpoint(name, configuration.endpoints[name].options)


@dataclass(frozen=True)
class Changes:
    """What a reload has changed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renewed: tuple[str, ...]
    """Bridges and endpoints that were restarted."""
    updated: tuple[str, ...]
    """Endpoints whose options changed without a restart."""
    routes: RouteChanges
    problems: tuple[str, ...]
    """What does not work, though the new configuration is active."""
    certificates: tuple[str, ...] = ()
    """A line about each new certificate."""
    plugin_files: tuple[str, ...] = ()
    """The plugin files that have changed, which only a restart loads."""

    @classmethod
    def of(
        cls,
        plan: ReloadPlan,
        updated: Collection[str],
        routes: RouteChanges,
        problems: Collection[str],
        bridges: Collection[str] = (),
    ) -> Changes:
        """The changes of a plan; ``updated`` are names of endpoints, or of ``bridges`` as sinks."""
        opened = [f"bridge.{name}" for name in plan.opening]
        opened += [_part(name, bridges) for name in plan.entering]
        closed = [f"bridge.{name}" for name in plan.closing]
        closed += [_part(name, bridges) for name in plan.leaving]
        return cls(
            added=tuple(name for name in opened if name not in closed),
            removed=tuple(name for name in closed if name not in opened),
            renewed=tuple(name for name in opened if name in closed),
            updated=tuple(_part(name, bridges) for name in updated),
            routes=routes,
            problems=tuple(problems),
        )

    def __str__(self) -> str:
        parts = [
            f"{what} {_listed(names)}"
            for what, names in (
                ("added", (*self.added, *self.routes.added)),
                ("removed", (*self.removed, *self.routes.removed)),
                ("restarted", self.renewed),
                ("changed", (*self.updated, *self.routes.changed)),
                ("renamed", self.routes.renamed),
                ("enabled", self.routes.enabled),
                ("disabled", self.routes.disabled),
            )
            if names
        ]
        for count, what in (
            (self.routes.unnamed, "new or changed"),
            (self.routes.unnamed_removed, "removed"),
        ):
            if count:
                parts.append(f"{count} route{'' if count == 1 else 's'} {what}")
        parts += self.certificates
        if self.plugin_files:
            parts.append(f"restart the bridge to load changed {_listed(self.plugin_files)}")
        return "; ".join(parts) or "nothing changed"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _part(name: str, bridges: Collection[str]) -> str:
    """An endpoint, or the clients of a bridge."""
    return f"bridge.{name}.clients" if name in bridges else f"endpoint.{name}"


def changes_of(
    prepared: PreparedReload, old: Configuration, problems: Mapping[str, str]
) -> Changes:
    """The changes of a finished reload; ``problems`` are those of bridges, by name."""
    new, endpoints = prepared.configuration, prepared.endpoints
    found = [f"bridge.{name}: {problem}" for name, problem in problems.items()]
    found += prepared.failures
    for name in prepared.plan.entering:
        if not endpoints[name].connected:
            problem = endpoints[name].problem
            why = f": {problem}" if problem else " yet"
            found.append(f"{_part(name, new.bridges)}: not connected{why}; retrying")
    updated = [
        name
        for name in endpoints
        if name in prepared.kept and new.endpoints[name].options != old.endpoints[name].options
    ]
    bridges = {*old.bridges, *new.bridges}
    changes = Changes.of(prepared.plan, updated, prepared.routing.changes, found, bridges)
    closing = prepared.plan.closing
    staying = [name for name in new.bridges if name in old.bridges and name not in closing]
    before, after = _tables(old, staying), _tables(new, staying)
    return replace(
        changes,
        added=(*changes.added, *(name for name in after if name not in before)),
        removed=(*changes.removed, *(name for name in before if name not in after)),
        updated=(
            *changes.updated,
            *(name for name, each in after.items() if before.get(name, each) != each),
        ),
        certificates=tuple(prepared.certificates),
    )


def _tables(configuration: Configuration, staying: Iterable[str]) -> dict[str, object]:
    """What else a summary names: tables and keys that change without a restart of their part.

    ``staying`` are bridges whose servers stay.
    """
    found: dict[str, object] = {f"token.{each.name}": each for each in configuration.tokens}
    for name, variable in configuration.variables.items():
        found[f"variables.{name}"] = variable.kind, variable
    for name in staying:
        options = configuration.bridges[name]
        found |= {f"bridge.{name}.{key}": getattr(options, key) for key in _ANNOUNCED}
    if configuration.http is not None:
        found["http"] = configuration.http
    return found | {f"run.{key}": value for key, value in configuration.run}


def install(prepared: PreparedReload, leaving: Iterable[EndpointRunner]) -> None:
    """Give the endpoints their options and routes, and the dispatchers their mappings.

    ``leaving`` are endpoints that will be closed; removed tokens are not valid for them either.
    """
    new = prepared.configuration
    prepared.variables.declare(new.variables)
    for name, runner in prepared.endpoints.items():
        prepared.certificates += runner.read_certificates(new.endpoints[name].options)
        try:
            runner.endpoint.options = new.endpoints[name].options
            runner.routes = new.routes_to[name]
        except BaseException as error:  # a property of the plugin; the others must get theirs
            text = f"{_part(name, new.bridges)}: options and routes cannot be set"
            prepared.failures.append(f"{text}: {failure_text(error)}")
        runner.change_tokens(new.tokens)
    for runner in leaving:
        runner.change_tokens(new.tokens, is_leaving=True)
    introduce(prepared.endpoints)
    for name, source in prepared.routing.sources.items():
        source.install(prepared.dispatchers[name])
    identify(prepared.routing.routes, new.routes)


async def open_early(prepared: PreparedReload) -> None:
    """Start the servers that need not wait for others. Raises :class:`OSCBridgeError`."""
    for name in prepared.plan.early:
        options = prepared.configuration.bridges[name]
        dispatcher, routes = prepared.dispatchers[name], prepared.routing.sources[name].forked
        try:
            prepared.listeners[name] = await open_listener(name, options, dispatcher, routes)
        except OSCBridgeError as error:
            if options.on_start != "retry":
                raise
            prepared.problems[name] = str(error).removeprefix(f"bridge.{name}: ")
