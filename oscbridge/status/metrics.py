"""Metrics for Prometheus. They are read when scraped, so messages pay nothing for them.

The number of label values is bounded whatever peers send: names from the configuration, and
a bounded number of reasons per source, route and endpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from oscbridge.distributions import version
from oscbridge.osc.lenient import DEVIATIONS
from oscbridge.status.address_metrics import address_metrics
from oscbridge.status.endpoint_metrics import endpoint_metrics
from oscbridge.status.metric_families import counters, counters_by_reason, gauges, label
from oscbridge.status.route_metrics import route_metrics
from oscbridge.status.status import Received, Reloads, Status
from oscbridge.status.variable_metrics import variable_metric

__all__ = ["HTTPCounters", "Metrics"]


class HTTPCounters(NamedTuple):
    """Counters of the HTTP server."""

    responses: Mapping[int, int]
    """Responses by status."""
    closed: Mapping[str, int]
    """Connections closed or rejected, by reason."""
    connections: int
    """Connected clients."""
    refused: int = 0
    """Rejected requests: of strangers' pages, to unknown hosts, or without a valid token."""
    certificates: Mapping[str, float] = MappingProxyType({})
    """When its certificates expire, in Unix time, by key."""


class Metrics:
    """Renders the metrics. ``status``, ``http`` and ``reloads`` are called at each scrape."""

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
        """The page and its content type: OpenMetrics or text, as negotiated by ``accept``."""
        try:
            encode, content_type = choose_encoder(accept)
        except Exception:  # an invalid version in Accept
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type


class _Counted(Collector):
    """Collects the metrics of a status."""

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
        """Nothing, so that the registry does not look for duplicate names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        yield from self._process(status)
        yield from _bridges(status)
        yield from endpoint_metrics(status.endpoints)
        yield from _sources(status)
        yield from route_metrics(status.routes)
        yield variable_metric(status.variables)
        yield from address_metrics(status.addresses)

    def _process(self, status: Status) -> Iterator[Metric]:
        yield gauges(
            "oscbridge_build_info", "The running version.", ("version",), [((self._version,), 1)]
        )
        yield GaugeMetricFamily(
            "oscbridge_start_time_seconds", "Start time, Unix time.", self._started
        )
        yield GaugeMetricFamily(
            "oscbridge_ready",
            "Whether all required bridges and endpoints work.",
            not status.problems,
        )
        yield GaugeMetricFamily(
            "oscbridge_dry_run",
            "Whether messages are logged and counted instead of sent.",
            status.is_dry,
        )
        leaders = [] if status.leader is None else [status.leader]
        yield gauges(
            "oscbridge_leader",
            "Whether this bridge delivers, and not another one with its lease.",
            ("key",),
            [((each.key,), each.role == "leader") for each in leaders],
        )
        yield counters(
            "oscbridge_leader_takeovers",
            "How often this bridge has become the leader.",
            ("key",),
            [((each.key,), each.takeovers) for each in leaders],
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
        yield from _http(self._http())


# --- the parts of a status -------------------------------------------------------------------


def _http(http: HTTPCounters) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "oscbridge_http_connections", "Connected HTTP clients.", http.connections
    )
    yield counters(
        "oscbridge_http_responses",
        "HTTP responses.",
        ("code",),
        [((str(code),), count) for code, count in http.responses.items()],
    )
    yield counters_by_reason(
        "oscbridge_http_closed_connections",
        "HTTP connections closed or rejected.",
        (),
        [((), http.closed)],
    )
    yield CounterMetricFamily(
        "oscbridge_http_refused_clients",
        "Requests of pages of other sites, to unknown hosts, or with a wrong token.",
        http.refused,
    )
    yield gauges(
        "oscbridge_http_certificate_end_timestamp_seconds",
        "Unix time at which the certificate of the HTTP server expires.",
        ("key",),
        [((name,), end) for name, end in http.certificates.items()],
    )


def _bridges(status: Status) -> Iterator[Metric]:
    bridges = status.bridges
    yield gauges(
        "oscbridge_bridge_info",
        "Address and mode of a bridge.",
        ("bridge", "address", "mode"),
        [((each.name, label(each.address), each.mode), 1) for each in bridges],
    )
    for name, text, values in (
        ("up", "Whether it can receive messages.", [not each.problem for each in bridges]),
        ("connections", "Connected TCP clients.", [each.connections for each in bridges]),
        ("threads", "Server threads.", [each.threads for each in bridges]),
        ("children", "Child processes in mode forking.", [each.children for each in bridges]),
    ):
        pairs = zip(((each.name,) for each in bridges), values, strict=True)
        yield gauges(f"oscbridge_bridge_{name}", text, ("bridge",), pairs)


def _sources(status: Status) -> Iterator[Metric]:
    """Counters of bridges and endpoints. Their names are unique."""
    sources = [(each.name, each.received) for each in status.bridges]
    sources += [(each.name, each.received) for each in status.endpoints if not each.is_bridge]
    key = ("source",)
    for name, text, count in _RECEIVED:
        values = [((source,), count(received)) for source, received in sources]
        yield counters(f"oscbridge_{name}", text, key, values)
    yield gauges(
        "oscbridge_scheduled_messages",
        "Messages waiting for their time tag, or for a process that is to handle them.",
        key,
        [((source,), received.held) for source, received in sources],
    )
    for name, text, counts in _RECEIVED_BY_REASON:
        by_reason = [((source,), counts(received)) for source, received in sources]
        yield counters_by_reason(f"oscbridge_{name}", text, key, by_reason)


_RECEIVED: Final[tuple[tuple[str, str, Callable[[Received], int]], ...]] = (
    ("received_packets", "Received packets.", lambda each: each.packets),
    ("received_messages", "Messages in valid packets.", lambda each: each.messages),
    ("routed_messages", "Messages passed to a route.", lambda each: each.routed),
    ("unmatched_messages", "Messages that matched no route.", lambda each: each.unmatched),
    ("failed_calls", "Route calls that raised an exception.", lambda each: each.failed),
    ("early_messages", "Messages that ran before their time tag.", lambda each: each.early),
)

_RECEIVED_BY_REASON: Final[tuple[tuple[str, str, Callable[[Received], Mapping[str, int]]], ...]] = (
    (
        "bad_packets",
        "Rejected packets, and messages of bundles with an unknown type tag.",
        lambda each: each.bad,
    ),
    (
        "tolerated_messages",
        "Messages accepted although they deviate from OSC.",
        lambda each: {**dict.fromkeys(DEVIATIONS, 0), **each.tolerated},
    ),
    (
        "closed_connections",
        "Connections closed or rejected.",
        lambda each: each.closed,
    ),
    (
        "source_dropped_messages",
        "Received messages that did not reach the routes.",
        lambda each: each.lost,
    ),
)
