"""Finds routes to endpoints that, with the options of both, can send nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oscbridge.bridge.config.problem import ConfigProblem, show
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.contract.options import Options
from oscbridge.failures import failure_text

__all__ = ["sink_problems"]


def sink_problems(
    routes: Mapping[int, RouteOptions],
    endpoints: Mapping[str, EndpointEntry],
    options: Mapping[int, Mapping[str, Options]],
) -> Iterator[ConfigProblem]:
    """A problem for each such route and endpoint.

    ``options`` are those of the routes for endpoints, by their names.
    """
    texts = {name: _problem_of(entry) for name, entry in endpoints.items()}
    for index, route in routes.items():
        for name in route.to:
            if text := texts.get(name):
                yield ConfigProblem(("route", index, "to"), text, show(name))
        for name, own in options.get(index, {}).items():
            entry = endpoints.get(name)
            if entry is not None and (text := _problem_of_route(entry, own)):
                yield ConfigProblem(("route", index, entry.type_name), text)


def _problem_of(entry: EndpointEntry) -> str:
    try:
        return str(entry.factory.sink_problem(entry.options))
    except BaseException as error:  # of a plugin
        return f"{entry.factory.__name__}.sink_problem failed: {failure_text(error)}"


def _problem_of_route(entry: EndpointEntry, options: Options) -> str:
    try:
        return str(entry.factory.route_problem(entry.options, options))
    except Exception as error:  # the same
        return f"{entry.factory.__name__}.route_problem failed: {failure_text(error)}"
