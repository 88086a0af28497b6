"""Finds routes to endpoints that, with their options, can send nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oscbridge.bridge.config.problem import ConfigProblem, show
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.failures import failure_text

__all__ = ["sink_problems"]


def sink_problems(
    routes: Mapping[int, RouteOptions], endpoints: Mapping[str, EndpointEntry]
) -> Iterator[ConfigProblem]:
    """A problem for each such route and endpoint."""
    texts = {name: _problem_of(entry) for name, entry in endpoints.items()}
    for index, route in routes.items():
        for name in route.to:
            if text := texts.get(name):
                yield ConfigProblem(("route", index, "to"), text, show(name))


def _problem_of(entry: EndpointEntry) -> str:
    try:
        return str(entry.factory.sink_problem(entry.options))
    except BaseException as error:  # of a plugin
        return f"{entry.factory.__name__}.sink_problem failed: {failure_text(error)}"
