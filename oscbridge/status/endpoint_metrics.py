"""Metrics of endpoints."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from oscbridge.bridge.sinks.latency import BOUNDS, Latency
from oscbridge.status.metric_families import counters, counters_by_reason, gauges, label
from oscbridge.status.status import EndpointStatus

__all__ = ["endpoint_metrics"]

_BUCKETS: Final = (*map(floatToGoString, BOUNDS), "+Inf")


def endpoint_metrics(endpoints: Sequence[EndpointStatus]) -> Iterator[Metric]:
    """All metrics of endpoints."""
    key = ("endpoint",)
    yield gauges(
        "oscbridge_endpoint_info",
        "Type and policy of an endpoint.",
        ("endpoint", "type", "policy"),
        [((each.name, label(each.type), each.policy), 1) for each in endpoints],
    )
    yield gauges(
        "oscbridge_endpoint_connected",
        "Whether it is connected.",
        key,
        [((each.name,), each.connected) for each in endpoints],
    )
    now = time.time()
    yield gauges(
        "oscbridge_endpoint_last_heard_timestamp_seconds",
        "Unix time at which something was last received from it; absent if nothing was.",
        key,
        [
            ((each.name,), now - each.received.silence)
            for each in endpoints
            if each.received.silence is not None
        ],
    )
    yield counters(
        "oscbridge_endpoint_unreachable_errors",
        "Datagrams that the peer did not accept, and expected answers that did not arrive.",
        key,
        [((each.name,), each.unreachable_errors) for each in endpoints],
    )
    yield counters(
        "oscbridge_endpoint_refused_clients",
        "Rejected clients.",
        key,
        [((each.name,), each.refused) for each in endpoints],
    )
    yield counters(
        "oscbridge_endpoint_failed_tasks",
        "Background tasks that died.",
        key,
        [((each.name,), each.failed_tasks) for each in endpoints],
    )
    yield from _clients(endpoints)
    yield from _resources(endpoints)
    yield from _deliveries(endpoints)


def _clients(endpoints: Sequence[EndpointStatus]) -> Iterator[Metric]:
    """Clients of endpoints, and of bridges as sinks."""
    yield gauges(
        "oscbridge_endpoint_clients",
        "Clients that get its messages.",
        ("endpoint",),
        [((each.name,), each.clients) for each in endpoints if each.clients is not None],
    )
    yield gauges(
        "oscbridge_endpoint_consumer_lag_messages",
        "Messages that wait at its server to be read.",
        ("endpoint", "consumer"),
        [
            ((each.name, label(name)), lag)
            for each in endpoints
            for name, lag in each.consumer_lag.items()
        ],
    )
    yield counters(
        "oscbridge_endpoint_absorbed_messages",
        "Messages of clients that were for the bridge itself, and not for its routes.",
        ("endpoint",),
        [((each.name,), each.absorbed) for each in endpoints],
    )


def _resources(endpoints: Sequence[EndpointStatus]) -> Iterator[Metric]:
    """Certificates, and bounded memory."""
    yield gauges(
        "oscbridge_endpoint_certificate_end_timestamp_seconds",
        "Unix time at which a certificate expires.",
        ("endpoint", "key"),
        [((each.name, name), end) for each in endpoints for name, end in each.certificates.items()],
    )
    yield counters(
        "oscbridge_endpoint_forgotten_addresses",
        "Addresses that snapshots lack: more than max_addresses.",
        ("endpoint",),
        [((each.name,), each.forgotten_addresses) for each in endpoints],
    )


def _deliveries(endpoints: Sequence[EndpointStatus]) -> Iterator[Metric]:
    """Messages on their way to endpoints."""
    sinks = [each for each in endpoints if each.is_sink]
    key = ("endpoint",)
    yield counters(
        "oscbridge_endpoint_offered_messages",
        "Messages offered by routes: sent, dropped, queued or in flight.",
        key,
        [((each.name,), each.offered) for each in sinks],
    )
    yield counters(
        "oscbridge_endpoint_sent_messages",
        "Delivered messages.",
        key,
        [((each.name,), each.sent) for each in sinks],
    )
    yield gauges(
        "oscbridge_endpoint_queued_messages",
        "Waiting messages.",
        key,
        [((each.name,), each.queued) for each in sinks],
    )
    yield gauges(
        "oscbridge_endpoint_in_flight_messages",
        "Messages taken from the send queue, neither sent nor dropped yet.",
        key,
        [((each.name,), each.in_flight) for each in sinks],
    )
    yield gauges(
        "oscbridge_endpoint_queue_size_messages",
        "Capacity of the send queue.",
        key,
        [((each.name,), each.queue_size) for each in sinks],
    )
    yield counters_by_reason(
        "oscbridge_endpoint_dropped_messages",
        "Messages lost, replaced according to the policy, or delivered by another bridge.",
        key,
        (((each.name,), each.dropped) for each in endpoints),
    )
    yield counters_by_reason(
        "oscbridge_endpoint_client_dropped_messages",
        "Messages that single clients missed: one message counts once per client.",
        key,
        (((each.name,), each.client_dropped) for each in endpoints),
    )
    yield _latencies(sinks)


def _latencies(sinks: Iterable[EndpointStatus]) -> Metric:
    family = HistogramMetricFamily(
        "oscbridge_endpoint_latency_seconds",
        "Time from routing to delivery, of a sample of messages.",
        labels=("endpoint",),
    )
    for each in sinks:
        family.add_metric((each.name,), _cumulative(each.latency), each.latency.total)
    return family


def _cumulative(latency: Latency) -> list[tuple[str, float]]:
    return list(zip(_BUCKETS, accumulate(latency.counts), strict=True))
