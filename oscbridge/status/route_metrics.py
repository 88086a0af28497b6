"""Metrics of routes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import Metric

from oscbridge.status.metric_families import Labels, counters, counters_by_reason, gauges, label
from oscbridge.status.route_status import RouteMessages, RouteStatus

__all__ = ["route_metrics"]

_KEY: Final = ("route", "match")


def route_metrics(routes: Sequence[RouteStatus]) -> Iterator[Metric]:
    """What became of the messages that routes took, and of those that their functions made."""
    taken = [(_labels(each), each.messages) for each in routes]
    yield from _family("oscbridge_route", "Messages", taken)
    results = [(_labels(each), each.results) for each in routes if each.results is not None]
    yield from _family("oscbridge_route_result", "Messages of a route's function", results)
    yield counters(
        "oscbridge_route_forgotten_addresses",
        "Addresses whose state a stateful step has forgotten: more than max_addresses.",
        _KEY,
        [(_labels(each), each.forgotten_addresses) for each in routes],
    )
    yield gauges(
        "oscbridge_route_muted",
        "1 for a route that lets no message pass until it is unmuted, otherwise 0.",
        _KEY,
        [(_labels(each), float(each.muted)) for each in routes],
    )


def _family(
    name: str, text: str, routes: Sequence[tuple[Labels, RouteMessages]]
) -> Iterator[Metric]:
    yield counters(
        f"{name}_taken_messages",
        f"{text} that a route took: filtered, dropped, passed or held.",
        _KEY,
        [(key, each.taken) for key, each in routes],
    )
    yield counters_by_reason(
        f"{name}_filtered_messages",
        f"{text} that a step did not let pass, as configured.",
        _KEY,
        ((key, each.filtered) for key, each in routes),
    )
    yield counters_by_reason(
        f"{name}_dropped_messages",
        f"{text} that failed in the steps of a route.",
        _KEY,
        ((key, each.failed) for key, each in routes),
    )
    yield counters(
        f"{name}_passed_messages",
        f"{text} that a route handed to its endpoints.",
        _KEY,
        [(key, each.passed) for key, each in routes],
    )
    yield gauges(
        f"{name}_held_messages",
        f"{text} that wait in the steps of a route.",
        _KEY,
        [(key, each.held) for key, each in routes],
    )


def _labels(route: RouteStatus) -> Labels:
    return route.id, label(route.match)
