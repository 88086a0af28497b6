"""The status and counters of a running system: one snapshot for every front."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from oscbridge.bridge.app import App
from oscbridge.bridge.clients.sink import BridgeSink
from oscbridge.bridge.routes.variables import Value
from oscbridge.bridge.sinks.drops import STANDBY
from oscbridge.bridge.sinks.latency import Latency
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.abilities import Consuming, Serving
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.status.address_counts import AddressCounts, read_addresses
from oscbridge.status.leader_status import LeaderStatus, read_leader
from oscbridge.status.received import Received, read_received
from oscbridge.status.route_status import RouteStatus, read_route

__all__ = [
    "BridgeStatus",
    "EndpointStatus",
    "Received",
    "Reloads",
    "Status",
    "read_status",
]


class Reloads(NamedTuple):
    """Counts of configuration reloads."""

    applied: int = 0
    refused: int = 0


@dataclass(frozen=True)
class BridgeStatus:
    """One bridge."""

    name: str
    address: str
    mode: str
    problem: str
    """Human-readable reason why it cannot receive; empty if it can."""
    received: Received
    connections: int
    """TCP clients."""
    threads: int
    children: int
    """Child processes in mode ``forking``."""
    announced: str = ""
    """How it is announced, human-readable; empty if it is not to be."""
    announce_problem: str = ""
    """Human-readable reason why it is not announced; empty if it is."""


@dataclass(frozen=True)
class EndpointStatus:
    """One endpoint."""

    name: str
    type: str
    where: str
    """Human-readable location."""
    connected: bool
    problem: str
    """Human-readable reason why it is not connected; empty if it is."""
    is_sink: bool
    needed: bool
    """Whether readiness requires it; false with ``on_start = "ignore"``."""
    policy: str
    queued: int
    """Messages waiting."""
    in_flight: int
    """Messages taken from the queue that are neither sent nor dropped yet."""
    queue_size: int
    """Capacity of the send queue in messages."""
    offered: int
    """Messages offered by routes: sent, dropped, queued or in flight."""
    sent: int
    dropped: Mapping[str, int]
    """Messages lost, or replaced according to the policy, by reason."""
    client_dropped: Mapping[str, int]
    """Messages that single clients missed, by reason; for the endpoint they are sent."""
    refused: int
    """Rejected clients."""
    received: Received
    """Counters of the messages received from it."""
    latency: Latency
    """Seconds from routing to delivery, of a sample of messages."""
    unreachable_errors: int = 0
    """Datagrams that the peer did not accept, and expected answers that did not arrive."""
    clients: int | None = None
    """Connected clients; None if it does not serve clients."""
    failed_tasks: int = 0
    """Background tasks of the endpoint that died."""
    queue_problem: str = ""
    """Human-readable reason why messages are not kept on disk as they should; empty if they are."""
    certificates: Mapping[str, float] = field(default_factory=dict)
    """When its certificates expire, in Unix time, by key."""
    forgotten_addresses: int = 0
    """Addresses whose last value was forgotten, as there are too many."""
    is_bridge: bool = False
    """Whether it is a bridge as a sink: messages of its clients are counted by the bridge."""
    consumer_lag: Mapping[str, int] = field(default_factory=dict)
    """Messages that wait at its server, by the name of their consumer."""
    absorbed: int = 0
    """Messages of its clients that were for the bridge itself, in its ``absorb`` or ``subscribe``;
    they count as routed."""

    @property
    def part(self) -> str:
        """The part that it is, for log lines: ``endpoint.web``."""
        return f"bridge.{self.name}.clients" if self.is_bridge else f"endpoint.{self.name}"

    @property
    def lost(self) -> Mapping[str, int]:
        """Dropped messages, and those that single clients missed, by reason.

        Without those that another bridge delivers.
        """
        lost = Counter(self.dropped) + Counter(self.client_dropped)
        del lost[STANDBY]
        return lost

    @property
    def standby(self) -> int:
        """Messages that another bridge delivers, as this one stood by."""
        return self.dropped.get(STANDBY, 0)


@dataclass(frozen=True)
class Status:
    """All of it."""

    bridges: tuple[BridgeStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    routes: tuple[RouteStatus, ...]
    variables: Mapping[str, Value] = field(default_factory=dict)
    """The values of variables by name, in the order of the configuration."""
    is_dry: bool = False
    """Whether this is a dry run: messages count as sent and are not."""
    addresses: AddressCounts = field(default_factory=AddressCounts)
    """The facts about addresses, if anybody has asked."""
    leader: LeaderStatus | None = None
    """The role of this bridge; None if it has no backup."""
    plugin_problems: tuple[str, ...] = ()
    """Why plugins could not register all their routes, human-readable."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Every reason why the system is not ready, the gravest first.

        Bridges that do not listen, for their messages are lost; plugins whose routes are missing;
        then endpoints that are not connected, whose messages may wait, and those whose messages
        are not kept on disk as they should. Of one kind, in the order of the configuration.
        """
        bridges = [f"bridge.{each.name}: {each.problem}" for each in self.bridges if each.problem]
        endpoints = [
            f"{each.part}: not connected: {each.problem or 'not yet'}"
            for each in self.endpoints
            if each.needed and not each.connected
        ]
        endpoints += [
            f"{each.part}: {each.problem}"
            for each in self.endpoints
            if each.connected and each.problem
        ]
        endpoints += [
            f"endpoint.{each.name}: {each.queue_problem}"
            for each in self.endpoints
            if each.queue_problem
        ]
        return (*bridges, *self.plugin_problems, *endpoints)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What fails without making the system unready: routes, those that keep failing first.

        They concern their own messages alone. Then bridges that are not announced, and a lease that
        nothing is known about.
        """
        failing = sorted(
            filter(attrgetter("failing"), self.routes), key=lambda each: not each.problem
        )
        found = [f"{e.text}: {e.problem or f'failing: {e.last_error}'}" for e in failing]
        found += [
            f"bridge.{each.name}: not announced: {each.announce_problem}"
            for each in self.bridges
            if each.announce_problem
        ]
        if self.leader is not None and self.leader.problem:
            found.append(f"leader: {self.leader.problem}")
        return tuple(found)


def read_status(app: App) -> Status:
    """How the system is now. On its loop."""
    return Status(
        bridges=tuple(_bridge(app, name) for name in app.configuration.bridges),
        endpoints=tuple(_endpoint(each) for each in app.endpoints.values()),
        routes=tuple(read_route(number, route) for number, route in enumerate(app.routes, 1)),
        variables=app.variables.snapshot(),
        is_dry=any(each.is_dry for each in app.endpoints.values()),
        addresses=read_addresses(app.addresses),
        leader=read_leader(app),
        plugin_problems=app.routing.problems,
    )


def _bridge(app: App, name: str) -> BridgeStatus:
    options, dispatcher = app.configuration.bridges[name], app.dispatchers[name]
    listener = app.listeners.get(name)
    if listener is not None:
        listener.update_counts()
    received = read_received(dispatcher)
    reload_problem = app.problems.get(name, "")
    if listener is None:
        problem = reload_problem or "not listening"
        return BridgeStatus(name, str(options.listen), options.mode, problem, received, 0, 0, 0)
    announced = app.announcer[name]
    return BridgeStatus(
        name,
        str(listener.address),
        options.mode,
        "; ".join(each for each in (listener.problem, reload_problem) if each),
        received,
        listener.connections,
        listener.threads,
        listener.children,
        str(announced),
        announced.problem,
    )


def _endpoint(runner: EndpointRunner) -> EndpointStatus:
    endpoint, dispatcher = runner.endpoint, runner.dispatcher
    counts = runner.counts()
    runner.update_counts()
    return EndpointStatus(
        name=runner.name,
        type=runner.type,
        where=runner.describe(),
        connected=runner.connected,
        problem=runner.problem,
        is_sink=endpoint.is_sink(),
        needed=runner.options.on_start != "ignore",
        policy=runner.options.policy,
        queued=counts.queued,
        in_flight=counts.in_flight,
        queue_size=runner.options.queue_size,
        offered=counts.offered,
        sent=counts.sent,
        dropped=counts.dropped,
        client_dropped=dict(runner.client_drops),
        refused=runner.refusals,
        received=read_received(dispatcher),
        latency=runner.latency,
        unreachable_errors=runner.unreachable_errors,
        clients=_clients(endpoint),
        failed_tasks=runner.failed_tasks,
        queue_problem=runner.queue_problem,
        certificates={key: info.end.timestamp() for key, info in runner.certificates.items()},
        forgotten_addresses=runner.forgotten_addresses,
        consumer_lag=_consumer_lag(endpoint),
        is_bridge=isinstance(endpoint, BridgeSink),
        absorbed=endpoint.absorbed if isinstance(endpoint, BridgeSink) else 0,
    )


def _clients(endpoint: AnyEndpoint) -> int | None:
    if not isinstance(endpoint, Serving):
        return None
    try:
        return int(endpoint.client_count)
    except BaseException as error:  # a broken plugin must not hide the status of the others
        endpoint.log.debug("client_count failed with %r", error)
        return None


def _consumer_lag(endpoint: AnyEndpoint) -> Mapping[str, int]:
    if not isinstance(endpoint, Consuming):
        return {}
    try:
        return {str(name): int(lag) for name, lag in endpoint.consumer_lag.items()}
    except BaseException as error:  # the same
        endpoint.log.debug("consumer_lag failed with %r", error)
        return {}
