"""Finds routes to endpoints that, with the options of both, can send nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, show
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.contract.options import Options
from oscbridge.failures import defined_at, failure_text

__all__ = ["sink_problems"]


def sink_problems(
    routes: Mapping[int, RouteOptions],
    endpoints: Mapping[str, EndpointEntry],
    options: Mapping[int, Mapping[str, Options]],
    broken: list[ConfigProblem],
) -> Iterator[ConfigProblem]:
    """A problem for each such route and endpoint.

    ``options`` are those of the routes for endpoints, by their names. Failures of plugins that
    cannot say it are added to ``broken``.
    """
    texts = {
        name: _answer(entry, "sink_problem", ("endpoint", name), broken)
        for name, entry in endpoints.items()
        if any(name in route.to for route in routes.values())
    }
    for index, route in routes.items():
        for name in route.to:
            if text := texts.get(name):
                yield ConfigProblem(("route", index, "to"), text, show(name))
        for name, own in options.get(index, {}).items():
            entry = endpoints.get(name)
            if entry is None:
                continue
            place = ("route", index, entry.type_name)
            if text := _answer(entry, "route_problem", place, broken, own):
                yield ConfigProblem(place, text)


def _answer(
    entry: EndpointEntry,
    method: str,
    place: KeyPath,
    broken: list[ConfigProblem],
    *options: Options,
) -> str:
    """What a method of the endpoint class returns; empty after adding its failure."""
    function = getattr(entry.factory, method)
    name = f"its plugin is broken: {entry.factory.__name__}.{method}"
    try:
        found: object = function(entry.options, *options)
        if isinstance(found, str):
            return found
        text = f"{name} must return text, got {show(found)} ({defined_at(function)})"
    except BaseException as error:  # of a plugin
        text = f"{name} failed: {failure_text(error)}"
    broken.append(ConfigProblem(place, text))
    return ""
