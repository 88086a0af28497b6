"""The metrics of known addresses."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from oscbridge.status.address_counts import AddressCounts
from oscbridge.status.metric_families import gauges

__all__ = ["address_metrics"]


def address_metrics(counts: AddressCounts) -> Iterator[Metric]:
    """The numbers as metrics."""
    yield gauges(
        "oscbridge_known_addresses",
        "Known addresses of bridges and endpoints.",
        ("origin",),
        [((origin,), count) for origin, count in counts.known.items()],
    )
    yield gauges(
        "oscbridge_ignored_addresses",
        "Addresses that were left out or cut because of limits.",
        ("reason",),
        [((reason,), count) for reason, count in counts.ignored.items()],
    )
