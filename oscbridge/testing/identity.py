"""Whether the counters of a bridge add up."""

from __future__ import annotations

from collections.abc import Iterator

from oscbridge.status.route_status import RouteStatus
from oscbridge.status.status import EndpointStatus, Received, Status

__all__ = ["source_that_does_not_add_up", "what_does_not_add_up"]


def what_does_not_add_up(status: Status) -> list[str]:
    """Each part of a status whose messages are not all accounted for, with its counters.

    Per source received messages = routed + unmatched + dropped + held; per route taken =
    filtered + failed + passed + held; per endpoint offered = sent + dropped + queued + in flight.
    """
    routes = [line for each in status.routes for line in _route(each)]
    endpoints = [line for each in status.endpoints for line in _endpoint(each)]
    sources = [
        *((f"bridge.{each.name}", each.received) for each in status.bridges),
        *((f"endpoint.{each.name}", each.received) for each in status.endpoints),
    ]
    lines = (line for each in sources for line in source_that_does_not_add_up(*each))
    return [*lines, *routes, *endpoints]


def source_that_does_not_add_up(name: str, received: Received) -> list[str]:
    """The counters of a source, in one line, if its messages are not all accounted for."""
    dropped = sum(received.dropped.values())
    if received.messages != received.routed + received.unmatched + dropped + received.held:
        return [
            f"{name}: {received.messages} received, {received.routed} routed, "
            f"{received.unmatched} unmatched, {dict(received.dropped)} dropped, "
            f"{received.held} held"
        ]
    return []


def _route(route: RouteStatus) -> Iterator[str]:
    for each in (route.messages, route.results):
        if each is None:
            continue
        fates = sum(each.filtered.values()) + sum(each.failed.values()) + each.passed + each.held
        if each.taken != fates:
            yield f"{route.text}: {each}"


def _endpoint(endpoint: EndpointStatus) -> Iterator[str]:
    if not endpoint.is_sink:
        return
    dropped = sum(endpoint.dropped.values())
    if endpoint.offered != endpoint.sent + dropped + endpoint.queued + endpoint.in_flight:
        yield (
            f"endpoint.{endpoint.name}: {endpoint.offered} offered, {endpoint.sent} sent, "
            f"{dict(endpoint.dropped)} dropped, {endpoint.queued} queued, "
            f"{endpoint.in_flight} in flight"
        )
