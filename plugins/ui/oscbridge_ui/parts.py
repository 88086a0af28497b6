"""The parts of a bridge as a page sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from oscbridge.monitoring import (
    BridgeStatus,
    EndpointStatus,
    Operations,
    Received,
    RouteStatus,
    Status,
)
from oscbridge_ui.now_messages import BridgePart, EndpointPart, PartState, ReceivedState, RoutePart
from oscbridge_ui.protocol_base import ProtocolModel
from oscbridge_ui.server_messages import ProcessState

__all__ = [
    "Totals",
    "bridge_id",
    "endpoint_id",
    "flows_of",
    "parts_of",
    "process_of",
    "route_id",
    "totals_of",
]

ModelT = TypeVar("ModelT", bound=ProtocolModel)


class Totals(NamedTuple):
    """Messages of all parts since the start, but for those that wait now."""

    received: int
    sent: int
    waiting: int
    lost: int


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
    return _made(
        ProcessState,
        operations.info,
        dry=operations.status().is_dry,
        built_in=not operations.info.file,
        addresses=operations.own_addresses(),
    )


def parts_of(status: Status) -> Iterator[PartState]:
    """All parts in the order of the configuration."""
    yield from map(_bridge, status.bridges)
    yield from map(_endpoint, status.endpoints)
    yield from map(_route, status.routes)


def _made(model: type[ModelT], status: object, **others: object) -> ModelT:
    """A model with the attributes of a status that have its names, and with ``others``."""
    same = {name: getattr(status, name) for name in _required(model) if name not in others}
    return model.model_validate({**same, **others})


@cache
def _required(model: type[ProtocolModel]) -> Sequence[str]:
    """The names of the fields without a default."""
    return [name for name, field in model.model_fields.items() if field.is_required()]


def _bridge(bridge: BridgeStatus) -> BridgePart:
    return _made(BridgePart, bridge, id=bridge_id(bridge.name), received=_received(bridge.received))


def _endpoint(endpoint: EndpointStatus) -> EndpointPart:
    return _made(
        EndpointPart,
        endpoint,
        id=endpoint_id(endpoint.name),
        endpoint_type=endpoint.type,
        problem=endpoint.problem or endpoint.queue_problem,
        delay=_mean_delay(endpoint),
        received=_received(endpoint.received),
    )


def _mean_delay(endpoint: EndpointStatus) -> float | None:
    latency = endpoint.latency
    count = sum(latency.counts)
    return round(latency.total / count, 6) if count else None


def _received(received: Received) -> ReceivedState:
    silence = received.silence
    return _made(ReceivedState, received, silence=None if silence is None else round(silence))


def _route(route: RouteStatus) -> RoutePart:
    messages, results = route.messages, route.results
    return _made(
        RoutePart,
        route,
        id=route_id(route),
        taken=messages.taken,
        passed=_passed(route),
        filtered=messages.filtered,
        held=messages.held + (0 if results is None else results.held),
    )


def _passed(route: RouteStatus) -> int:
    return route.messages.passed if route.results is None else route.results.passed


def flows_of(status: Status) -> Mapping[str, tuple[int, int]]:
    """The messages that have come into each part, and gone out of it, by its id."""
    flows = {bridge_id(each.name): (each.received.messages, 0) for each in status.bridges}
    for endpoint in status.endpoints:
        flows[endpoint_id(endpoint.name)] = endpoint.received.messages, endpoint.sent
    for route in status.routes:
        flows[route_id(route)] = route.messages.taken, _passed(route)
    return flows


def totals_of(
    bridges: Iterable[BridgeStatus | BridgePart], endpoints: Iterable[EndpointStatus | EndpointPart]
) -> Totals:
    """The sums over these."""
    received = sent = waiting = lost = 0
    for bridge in bridges:
        received += bridge.received.messages
        lost += sum(bridge.received.lost.values())
    for endpoint in endpoints:
        received += endpoint.received.messages
        sent += endpoint.sent
        waiting += endpoint.queued + endpoint.in_flight
        lost += sum(endpoint.received.lost.values()) + sum(endpoint.lost.values())
    return Totals(received, sent, waiting, lost)
