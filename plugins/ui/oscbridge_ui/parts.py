"""The parts of a bridge as a page sees them."""

from __future__ import annotations

from collections.abc import Iterator

from oscbridge.monitoring import (
    BridgeStatus,
    EndpointStatus,
    Operations,
    Received,
    RouteStatus,
    Status,
)
from oscbridge_ui.server_messages import (
    BridgePart,
    EndpointPart,
    PartState,
    ProcessState,
    ReceivedState,
    RoutePart,
)

__all__ = ["bridge_id", "endpoint_id", "parts_of", "process_of", "route_id"]


def bridge_id(name: str) -> str:
    """The id of a bridge."""
    return f"bridge.{name}"


def endpoint_id(name: str) -> str:
    """The id of an endpoint."""
    return f"endpoint.{name}"


def route_id(route: RouteStatus) -> str:
    """The id of a route."""
    return f"route.{route.id}"


def process_of(operations: Operations) -> ProcessState:
    """The process and its configuration."""
    info = operations.info
    return ProcessState(
        configuration=info.configuration,
        version=info.version,
        pid=info.pid,
        since=info.since,
        dry=operations.status().is_dry,
        built_in=not info.file,
        addresses=operations.own_addresses(),
    )


def parts_of(status: Status) -> Iterator[PartState]:
    """All parts in the order of the configuration."""
    yield from map(_bridge, status.bridges)
    yield from map(_endpoint, status.endpoints)
    yield from map(_route, status.routes)


def _bridge(bridge: BridgeStatus) -> BridgePart:
    return BridgePart(
        id=bridge_id(bridge.name),
        name=bridge.name,
        address=bridge.address,
        mode=bridge.mode,
        problem=bridge.problem,
        connections=bridge.connections,
        received=_received(bridge.received),
    )


def _endpoint(endpoint: EndpointStatus) -> EndpointPart:
    return EndpointPart(
        id=endpoint_id(endpoint.name),
        name=endpoint.name,
        endpoint_type=endpoint.type,
        where=endpoint.where,
        connected=endpoint.connected,
        problem=endpoint.problem or endpoint.queue_problem,
        is_sink=endpoint.is_sink,
        is_bridge=endpoint.is_bridge,
        policy=endpoint.policy,
        queued=endpoint.queued,
        in_flight=endpoint.in_flight,
        queue_size=endpoint.queue_size,
        sent=endpoint.sent,
        lost=dict(endpoint.lost),
        clients=endpoint.clients,
        refused=endpoint.refused,
        delay=_mean(endpoint),
        received=_received(endpoint.received),
    )


def _mean(endpoint: EndpointStatus) -> float | None:
    latency = endpoint.latency
    count = sum(latency.counts)
    return round(latency.total / count, 6) if count else None


def _received(received: Received) -> ReceivedState:
    silence = received.silence
    return ReceivedState(
        packets=received.packets,
        messages=received.messages,
        routed=received.routed,
        unmatched=received.unmatched,
        held=received.held,
        bad=dict(received.bad),
        lost=dict(received.lost),
        last_unmatched=received.last_unmatched,
        silence=None if silence is None else round(silence),
    )


def _route(route: RouteStatus) -> RoutePart:
    messages = route.messages
    passed = route.messages.passed if route.results is None else route.results.passed
    return RoutePart(
        id=route_id(route),
        number=route.number,
        name=route.name,
        match=route.match,
        sources=tuple(route.sources),
        to=tuple(route.to),
        taken=messages.taken,
        passed=passed,
        filtered=dict(messages.filtered),
        failed=dict(route.failed),
        held=messages.held + (0 if route.results is None else route.results.held),
        enabled=route.enabled,
        muted=route.muted,
        failing=route.failing,
        last_error=route.last_error,
    )
