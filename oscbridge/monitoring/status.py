"""The status and counters of a running system: one snapshot for every front."""

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
    """Counts of configuration reloads."""

    applied: int = 0
    refused: int = 0


@dataclass(frozen=True)
class Received:
    """Counters of a source since it was started."""

    packets: int
    messages: int
    """Messages in valid packets."""
    unmatched: int
    """Messages that matched no route."""
    failed: int
    """Route calls that raised an exception."""
    early: int
    """Messages with a future time tag that ran immediately."""
    waiting: int
    """Messages or bundles waiting for their time tag."""
    bad: Mapping[str, int]
    """Rejected packets, by reason."""
    closed: Mapping[str, int]
    """Connections closed or rejected, by reason."""
    dropped: Mapping[str, int]
    """Received messages that did not reach the routes, by reason."""
    kernel_dropped: int | None
    """Datagrams that the kernel dropped before they were received; None if it does not count."""

    @property
    def lost(self) -> dict[str, int]:
        """All of ``dropped``, and the datagrams that the kernel dropped as ``kernel``."""
        kernel = {} if self.kernel_dropped is None else {"kernel": self.kernel_dropped}
        return {**kernel, **self.dropped}


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
    """Messages waiting or in flight."""
    queue_size: int
    """Capacity of the send queue in messages."""
    offered: int
    """Messages offered by routes: sent, dropped or queued."""
    sent: int
    dropped: Mapping[str, int]
    """Messages lost, or replaced according to the policy, by reason."""
    refused: int
    """Rejected clients."""
    received: Received
    """Counters of the messages received from it."""
    latency: Latency
    """Seconds from routing to delivery, of a sample of messages."""


@dataclass(frozen=True)
class RouteStatus:
    """One route."""

    number: int
    """Position in the file, from 1."""
    match: str
    sources: tuple[str, ...]
    to: tuple[str, ...]
    dropped: Mapping[str, int]
    """Messages dropped by its steps, by reason."""


@dataclass(frozen=True)
class Status:
    """All of it."""

    bridges: tuple[BridgeStatus, ...]
    endpoints: tuple[EndpointStatus, ...]
    routes: tuple[RouteStatus, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems, one per line: "endpoint.mixer: not connected: ..."."""
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
                route.config.match,
                route.config.sources,
                route.config.to,
                dict(route.drops),
            )
            for number, route in enumerate(app.routes, 1)
        ),
    )


def _bridge(app: App, name: str) -> BridgeStatus:
    options, dispatcher = app.configuration.bridges[name], app.dispatchers[name]
    listener = app.listeners.get(name)
    if listener is not None:
        listener.update_counts()
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
        queue_size=delivery.options.queue_size,
        offered=delivery.offered,
        sent=delivery.sent,
        dropped=dict(delivery.drops),
        refused=delivery.refusals,
        received=_received(dispatcher),
        latency=delivery.latency,
    )


def _received(dispatcher: Dispatcher) -> Received:
    statistics = dispatcher.statistics
    return Received(
        packets=statistics.packets,
        messages=statistics.messages,
        unmatched=statistics.unmatched,
        failed=statistics.failed,
        early=statistics.early,
        waiting=len(dispatcher.scheduler),
        bad=dict(statistics.bad),
        closed=dict(statistics.closed),
        dropped=dict(statistics.dropped),
        kernel_dropped=statistics.kernel_dropped,
    )
