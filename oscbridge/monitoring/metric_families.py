"""Families of metrics, made of pairs: the values of the labels, and the number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

__all__ = ["MAX_LABEL", "MAX_REASONS", "counters", "counters_by_reason", "few", "gauges", "label"]

MAX_REASONS: Final = 32
"""Reasons that a part may have in one metric. Later ones are counted as "other"."""

MAX_LABEL: Final = 100
"""Characters of a label's value."""

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
    """One more label is the reason."""
    return counters(
        name,
        text,
        (*labels, "reason"),
        [((*key, reason), count) for key, by in values for reason, count in few(by).items()],
    )


def few(counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of the first :data:`MAX_REASONS` reasons; "other" has those of the rest.

    The first stay the first, so that no series ever goes back.
    """
    found: dict[str, int] = {}
    for reason, count in counts.items():
        name = label(reason)
        if name not in found and len(found) >= MAX_REASONS:
            name = "other"
        found[name] = found.get(name, 0) + count
    return found


def label(text: str) -> str:
    """A label's value that can be encoded and is not long."""
    text = text if len(text) <= MAX_LABEL else f"{text[: MAX_LABEL - 1]}…"
    return text.encode("utf-8", "backslashreplace").decode()
