"""Metric families made from pairs of label values and a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

__all__ = ["MAX_LABEL", "MAX_REASONS", "counters", "counters_by_reason", "few", "gauges", "label"]

MAX_REASONS: Final = 32
"""Maximum number of reasons per source, route or endpoint. Later ones are counted as "other"."""

MAX_LABEL: Final = 100
"""Maximum characters of a label value."""

Labels: TypeAlias = tuple[str, ...]


def gauges(
    name: str,
    text: str,
    labels: Labels,
    values: Iterable[tuple[Labels, float]],
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def counters(
    name: str,
    text: str,
    labels: Labels,
    values: Iterable[tuple[Labels, float]],
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def counters_by_reason(
    name: str,
    text: str,
    labels: Labels,
    values: Iterable[tuple[Labels, Mapping[str, int]]],
) -> Metric:
    """Counters with an additional label ``reason``."""
    return counters(
        name,
        text,
        (*labels, "reason"),
        [((*key, reason), count) for key, by in values for reason, count in few(by).items()],
    )


def few(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts of the first :data:`MAX_REASONS` reasons; "other" sums up the rest.

    The first reasons stay the first, so that no series ever decreases.
    """
    found: dict[str, int] = {}
    for reason, count in counts.items():
        name = label(reason)
        if name not in found and len(found) >= MAX_REASONS:
            name = "other"
        found[name] = found.get(name, 0) + count
    return found


def label(text: str) -> str:
    """A label value that can be encoded, truncated to :data:`MAX_LABEL`."""
    text = text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"
    return text.encode("utf-8", "backslashreplace").decode()
