"""What was counted, for Prometheus. Read when it is asked for: messages pay nothing for it.

Labels stay few, whoever sends what: they are names of the configuration, and reasons, of
which each part has a bounded number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from oscbridge.bridge.sinks.latency import BOUNDS, Latency
from oscbridge.monitoring.metric_families import counters, counters_by_reason, gauges, label
from oscbridge.monitoring.status import EndpointStatus, Received, Reloads, Status

__all__ = ["HTTPCounters", "Metrics"]

_BUCKETS: Final = (*map(floatToGoString, BOUNDS), "+Inf")


class HTTPCounters(NamedTuple):
    """What the HTTP server has counted."""

    responses: Mapping[int, int]
    """Answers by status."""
    closed: Mapping[str, int]
    """Connections that were ended or not accepted, by reason."""
    connections: int
    """Clients that are connected now."""


class Metrics:
    """The page for Prometheus. ``status``, ``http`` and ``reloads`` are asked at each scrape."""

    def __init__(
        self,
        status: Callable[[], Status],
        http: Callable[[], HTTPCounters],
        reloads: Callable[[], Reloads],
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Counted(status, http, reloads))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: OpenMetrics or text, as the client accepts."""
        try:
            encode, content_type = choose_encoder(accept)
        except Exception:  # of a version that is none
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


class _Counted(Collector):
    """Makes metrics of a status."""

    def __init__(
        self,
        status: Callable[[], Status],
        http: Callable[[], HTTPCounters],
        reloads: Callable[[], Reloads],
    ) -> None:
        self._status, self._http, self._reloads = status, http, reloads
        self._version = version("oscbridge")
        self._started = time.time()

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would look for names that are there twice."""
        return ()

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        yield from self._process(status)
        yield from _bridges(status)
        yield from _endpoints(status)
        yield from _sources(status)
        yield counters_by_reason(
            "oscbridge_route_dropped_messages",
            "Messages that did not pass the steps of a route.",
            ("route", "match"),
            (((str(each.number), label(each.match)), each.dropped) for each in status.routes),
        )

    def _process(self, status: Status) -> Iterator[Metric]:
        yield gauges(
            "oscbridge_build_info", "The version that runs.", ("version",), [((self._version,), 1)]
        )
        yield GaugeMetricFamily(
            "oscbridge_start_time_seconds", "When it was started, Unix time.", self._started
        )
        yield GaugeMetricFamily(
            "oscbridge_ready", "Whether all parts work that it needs.", not status.problems
        )
        yield GaugeMetricFamily(
            "oscbridge_threads", "Threads of the bridge process.", threading.active_count()
        )
        reloads = self._reloads()._asdict()
        yield counters(
            "oscbridge_reloads",
            "Reloads of the configuration.",
            ("result",),
            [((result,), count) for result, count in reloads.items()],
        )
        http = self._http()
        yield GaugeMetricFamily(
            "oscbridge_http_connections", "Clients of this page.", http.connections
        )
        yield counters(
            "oscbridge_http_responses",
            "Answers over HTTP.",
            ("code",),
            [((str(code),), count) for code, count in http.responses.items()],
        )
        yield counters_by_reason(
            "oscbridge_http_closed_connections",
            "HTTP connections that were ended or not accepted.",
            (),
            [((), http.closed)],
        )


# --- the parts of a status ---------------------------------------------------------------------


def _bridges(status: Status) -> Iterator[Metric]:
    bridges = status.bridges
    yield gauges(
        "oscbridge_bridge_info",
        "Where a bridge listens, and its mode.",
        ("bridge", "address", "mode"),
        [((each.name, label(each.address), each.mode), 1) for each in bridges],
    )
    for name, text, values in (
        ("up", "Whether messages can come in.", [not each.problem for each in bridges]),
        ("connections", "TCP clients.", [each.connections for each in bridges]),
        ("threads", "Threads that serve.", [each.threads for each in bridges]),
        ("children", "Processes, in mode forking.", [each.children for each in bridges]),
    ):
        pairs = zip(((each.name,) for each in bridges), values, strict=True)
        yield gauges(f"oscbridge_bridge_{name}", text, ("bridge",), pairs)


def _endpoints(status: Status) -> Iterator[Metric]:
    endpoints = status.endpoints
    sinks = [each for each in endpoints if each.is_sink]
    key = ("endpoint",)
    yield gauges(
        "oscbridge_endpoint_info",
        "The type of an endpoint, and its policy.",
        ("endpoint", "type", "policy"),
        [((each.name, label(each.type), each.policy), 1) for each in endpoints],
    )
    yield gauges(
        "oscbridge_endpoint_connected",
        "Whether it is connected.",
        key,
        [((each.name,), each.connected) for each in endpoints],
    )
    yield counters(
        "oscbridge_endpoint_refused_clients",
        "Clients that were not let in.",
        key,
        [((each.name,), each.refused) for each in endpoints],
    )
    yield counters(
        "oscbridge_endpoint_offered_messages",
        "Messages that routes gave to it: sent, dropped or queued.",
        key,
        [((each.name,), each.offered) for each in sinks],
    )
    yield counters(
        "oscbridge_endpoint_sent_messages",
        "Messages that were delivered.",
        key,
        [((each.name,), each.sent) for each in sinks],
    )
    yield gauges(
        "oscbridge_endpoint_queued_messages",
        "Messages on their way to it.",
        key,
        [((each.name,), each.queued) for each in sinks],
    )
    yield gauges(
        "oscbridge_endpoint_queue_size_messages",
        "Messages that may wait in its outbox.",
        key,
        [((each.name,), each.queue_size) for each in sinks],
    )
    yield counters_by_reason(
        "oscbridge_endpoint_dropped_messages",
        "Messages that were lost, or replaced as the policy says.",
        key,
        (((each.name,), each.dropped) for each in endpoints),
    )
    yield _latencies(sinks)


def _latencies(sinks: Iterable[EndpointStatus]) -> Metric:
    family = HistogramMetricFamily(
        "oscbridge_endpoint_latency_seconds",
        "From routed to delivered, of a sample of messages.",
        labels=("endpoint",),
    )
    for each in sinks:
        family.add_metric((each.name,), _cumulative(each.latency), each.latency.total)
    return family


def _cumulative(latency: Latency) -> list[tuple[str, float]]:
    return list(zip(_BUCKETS, accumulate(latency.counts), strict=True))


def _sources(status: Status) -> Iterator[Metric]:
    """What came in at bridges and endpoints. No two of them have one name."""
    sources = [(each.name, each.received) for each in status.bridges]
    sources += [(each.name, each.received) for each in status.endpoints]
    key = ("source",)
    for name, text, count in _RECEIVED:
        values = [((source,), count(received)) for source, received in sources]
        yield counters(f"oscbridge_{name}", text, key, values)
    yield gauges(
        "oscbridge_scheduled_messages",
        "Messages, or bundles, that wait for their time.",
        key,
        [((source,), received.waiting) for source, received in sources],
    )
    for name, text, counts in _RECEIVED_BY_REASON:
        by_reason = [((source,), counts(received)) for source, received in sources]
        yield counters_by_reason(f"oscbridge_{name}", text, key, by_reason)


_RECEIVED: Final[tuple[tuple[str, str, Callable[[Received], int]], ...]] = (
    ("received_packets", "Packets that came in.", lambda each: each.packets),
    ("received_messages", "Messages in good packets.", lambda each: each.messages),
    ("unmatched_messages", "Messages that no route takes.", lambda each: each.unmatched),
    ("failed_calls", "Calls of routes that raised.", lambda each: each.failed),
    ("early_messages", "Messages that ran before their time.", lambda each: each.early),
)

_RECEIVED_BY_REASON: Final[tuple[tuple[str, str, Callable[[Received], Mapping[str, int]]], ...]] = (
    ("bad_packets", "Packets that were refused.", lambda each: each.bad),
    (
        "closed_connections",
        "Connections that were ended or not accepted.",
        lambda each: each.closed,
    ),
    (
        "source_dropped_messages",
        "Messages that came in and did not reach the routes.",
        lambda each: each.dropped,
    ),
)
