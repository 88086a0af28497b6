"""The metrics, from the families that the bridge serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.metrics_core import Metric

from oscbridge.status.metrics import HTTPCounters, _Counted
from oscbridge.status.status import Reloads, Status
from oscbridge_docs.markdown import code, table

__all__ = ["MetricText", "all_metrics", "metrics"]


class MetricText(NamedTuple):
    """A metric, human-readable."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def all_metrics() -> Iterator[MetricText]:
    """All metrics of a bridge, those of the platform excepted."""
    counted = _Counted(
        lambda: Status((), (), ()),
        lambda: HTTPCounters({}, {}, 0),
        Reloads,
    )
    for family in sorted(counted.collect(), key=lambda each: each.name):
        yield MetricText(_name(family), family.type, _labels(family), family.documentation)


def metrics() -> str:
    """A table of all metrics."""
    rows = [
        (code(each.name), each.type, " ".join(map(code, each.labels)), each.help)
        for each in all_metrics()
    ]
    return table(("metric", "type", "labels", ""), rows)


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Metric) -> tuple[str, ...]:
    labels: tuple[str, ...] = tuple(getattr(family, "_labelnames", ()))
    return (*labels, "le") if family.type == "histogram" else labels
