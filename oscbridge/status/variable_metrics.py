"""The metric of variables."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.metrics_core import Metric

from oscbridge.bridge.routes.variables import Value
from oscbridge.status.metric_families import gauges

__all__ = ["variable_metric"]


def variable_metric(variables: Mapping[str, Value]) -> Metric:
    """The values of variables; those of text have none."""
    return gauges(
        "oscbridge_variable",
        "The value of a variable, 1 or 0 for true or false.",
        ("name",),
        [((name,), float(each)) for name, each in variables.items() if not isinstance(each, str)],
    )
