"""The parts of a bridge as a page sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    "flow_of",
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
        passed=messages.passed if results is None else results.passed,
        filtered=messages.filtered,
        held=messages.held + (0 if results is None else results.held),
    )


def flow_of(part: PartState) -> tuple[int, int]:
    """The messages that have come into a part, and gone out of it."""
    if part.kind == "route":
        return part.taken, part.passed
    return part.received.messages, part.sent if part.kind == "endpoint" else 0


def totals_of(parts: Iterable[PartState]) -> Totals:
    """The sums over bridges and endpoints."""
    received = sent = waiting = lost = 0
    for part in parts:
        if part.kind == "route":
            continue
        received += part.received.messages
        lost += sum(part.received.lost.values())
        if part.kind == "endpoint":
            sent += part.sent
            waiting += part.queued + part.in_flight
            lost += sum(part.lost.values())
    return Totals(received, sent, waiting, lost)
