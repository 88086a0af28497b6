"""What a running system has counted and how it is: one picture, for all who show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from oscbridge.bridge.app import App
from oscbridge.bridge.sinks.latency import Latency
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.dispatch.dispatcher import Dispatcher

__all__ = [
    "BridgeStatus",
    "EndpointStatus",
    "Received",
    "Reloads",
    "RouteStatus",
    "Status",
    "read_status",
]


class Reloads(NamedTuple):
    """How many there were."""

    applied: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Received:
    """What came in at a source, since it was started."""

    packets: int
    messages: int
    """Messages in packets that were good."""
    unmatched: int
    """Messages for which there was no route."""
    failed: int
    """Calls of routes that raised."""
    early: int
    """Messages with a time tag in the future that ran at once."""
    waiting: int
    """Messages, or bundles, that wait for their time."""
    bad: Mapping[str, int]
    """Packets that were refused, by reason."""
    closed: Mapping[str, int]
    """Connections that were ended or not accepted, by reason."""
    dropped: Mapping[str, int]
    """Messages that came in and did not reach the routes, by reason."""


@dataclass(frozen=True)
class BridgeStatus:
    """One bridge."""

    name: str
    address: str
    mode: str
    problem: str
    """Why nothing can come in, for people; nothing when all is well."""
    received: Received
    connections: int
    """TCP clients."""
    threads: int
    children: int
    """Processes, in mode forking."""


@dataclass(frozen=True)
class EndpointStatus:
    """One endpoint."""

    name: str
    type: str
    where: str
    """Where it is, for people."""
    connected: bool
    problem: str
    """Why it is not connected, for people."""
    is_sink: bool
    needed: bool
    """Whether the system is not ready without it: not with ``on_start = "ignore"``."""
    policy: str
    queued: int
    """Messages on their way to it."""
    queue_size: int
    """Messages that may wait."""
    offered: int
    """Messages that routes gave to it: sent, dropped or queued."""
    sent: int
    dropped: Mapping[str, int]
    """Messages that were lost, or replaced as the policy says, by reason."""
    refused: int
    """Those who were not let in."""
    received: Received
    """What came from it."""
    latency: Latency
    """Seconds from routed to sent, of a sample of messages."""


@dataclass(frozen=True)
class RouteStatus:
    """One route."""

    number: int
    """Its place in the file, from 1."""
    match: str
    sources: tuple[str, ...]
    to: tuple[str, ...]
    dropped: Mapping[str, int]
    """Messages that did not pass its steps, by reason."""


@dataclass(frozen=True)
class Status:
    """All of it."""

    bridges: tuple[BridgeStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    routes: tuple[RouteStatus, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What is faulty, a line each: "endpoint.mixer: not connected: ..."."""
        bridges = [f"bridge.{each.name}: {each.problem}" for each in self.bridges if each.problem]
        endpoints = [
            f"endpoint.{each.name}: not connected: {each.problem or 'not yet'}"
            for each in self.endpoints
            if each.needed and not each.connected
        ]
        return (*bridges, *endpoints)


def read_status(app: App) -> Status:
    """How the system is now. On its loop."""
    return Status(
        bridges=tuple(_bridge(app, name) for name in app.configuration.bridges),
        endpoints=tuple(_endpoint(each) for each in app.endpoints.values()),
        routes=tuple(
            RouteStatus(
                number,
                wired.entry.spec.match,
                wired.entry.sources,
                wired.entry.to,
                dict(wired.route.drops),
            )
            for number, wired in enumerate(app.routes, 1)
        ),
    )


def _bridge(app: App, name: str) -> BridgeStatus:
    options, dispatcher = app.configuration.bridges[name], app.dispatchers[name]
    listener = app.listeners.get(name)
    received = _received(dispatcher)
    if listener is None:
        problem = app.problems.get(name) or "not listening"
        return BridgeStatus(name, str(options.listen), options.mode, problem, received, 0, 0, 0)
    return BridgeStatus(
        name,
        str(listener.address),
        options.mode,
        listener.problem or app.problems.get(name, ""),
        received,
        listener.connections,
        listener.threads,
        listener.children,
    )


def _endpoint(delivery: EndpointRunner) -> EndpointStatus:
    endpoint, dispatcher = delivery.endpoint, delivery.dispatcher
    return EndpointStatus(
        name=delivery.name,
        type=delivery.type,
        where=endpoint.describe(),
        connected=delivery.connected,
        problem=delivery.problem,
        is_sink=endpoint.is_sink(),
        needed=delivery.options.on_start != "ignore",
        policy=delivery.options.policy,
        queued=delivery.queued,
        queue_size=delivery.options.outbox,
        offered=delivery.offered,
        sent=delivery.sent,
        dropped=dict(delivery.drops),
        refused=delivery.refusals,
        received=_received(dispatcher),
        latency=delivery.latency,
    )


def _received(dispatcher: Dispatcher) -> Received:
    statistics = dispatcher.statistics
    dropped = dict(statistics.dropped)
    if statistics.too_far:
        dropped["too_far"] = statistics.too_far
    return Received(
        packets=statistics.packets,
        messages=statistics.messages,
        unmatched=statistics.unmatched,
        failed=statistics.failed,
        early=statistics.early,
        waiting=len(dispatcher.scheduler),
        bad=dict(statistics.bad),
        closed=dict(statistics.closed),
        dropped=dropped,
    )
