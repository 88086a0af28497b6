"""Looks at a new endpoint: a mistake of its plugin is found before anything is opened."""

from __future__ import annotations

import logging

from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.failures import defined_at
from oscbridge.osc.pattern import Pattern

__all__ = ["problem_of"]


def problem_of(endpoint: AnyEndpoint, name: str, options: Options) -> str:
    """The problem of a new endpoint, or "". Raises what its methods raise."""
    kind = type(endpoint)
    given = vars(endpoint)
    if not {"name", "options", "log"} <= given.keys():
        place = defined_at(kind.__init__)
        return f"{kind.__name__}.__init__ must call super().__init__(name, options) ({place})"
    kept = given["name"] == name and isinstance(given["options"], type(options))
    if not (kept and isinstance(given["log"], logging.Logger | logging.LoggerAdapter)):
        place = defined_at(kind.__init__)
        return f"{kind.__name__}.__init__ must not change name, options and log ({place})"
    where: object = endpoint.describe()
    if not isinstance(where, str):
        place = defined_at(kind.describe)
        return f"{kind.__name__}.describe must return text, got {where!r} ({place})"
    endpoint.is_sink()
    bool(endpoint.keeps_last_values)
    for is_source in (False, True):
        if problem := _problem_of_routes(endpoint, is_source):
            place = defined_at(kind.default_routes_for)
            return f"{kind.__name__}.default_routes_for{problem} ({place})"
    return ""


def _problem_of_routes(endpoint: AnyEndpoint, is_source: bool) -> str:
    routes: object = endpoint.default_routes_for(endpoint.options, is_source=is_source)
    if not isinstance(routes, tuple | list) or not all(isinstance(each, str) for each in routes):
        return f" must return a list of patterns, got {routes!r}"
    for match in routes:
        try:
            Pattern(match, mapped=True)
        except ValueError as error:
            return f": {error}"
    return ""
