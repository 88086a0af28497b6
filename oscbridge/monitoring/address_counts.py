"""How much is known about addresses: for the status and the metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric

from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.monitoring.metric_families import gauges

__all__ = ["AddressCounts", "address_metrics", "read_addresses"]


@dataclass(frozen=True)
class AddressCounts:
    """Numbers of addresses."""

    known: Mapping[str, int] = field(default_factory=dict)
    """Those of all bridges and endpoints, by origin."""
    ignored: Mapping[str, int] = field(default_factory=dict)
    """What was left out or cut because of limits, by reason."""


def read_addresses(space: AddressSpace) -> AddressCounts:
    """The numbers as they are now; nothing while nobody has asked for addresses."""
    if not space.is_used:
        return AddressCounts()
    known = {origin.name.lower(): count for origin, count in space.counts.items() if count}
    return AddressCounts(known, dict(space.ignored))


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
