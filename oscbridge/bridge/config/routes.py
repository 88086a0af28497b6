"""Reads the tables ``[[route]]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from oscbridge.bridge.config.error_messages import validate
from oscbridge.bridge.config.plugin_packages import suggest_type
from oscbridge.bridge.config.problem import ConfigProblem, KeyPath, show
from oscbridge.bridge.config.regular_expressions import regular_expression_hint
from oscbridge.bridge.config.route_context import route_context
from oscbridge.bridge.config.route_loops import always_sent_to, impossible, pointless
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.variable_routes import unused_keys, variable_problems
from oscbridge.bridge.routes.config import OptionExpressions, RouteConfig
from oscbridge.bridge.routes.expression_problems import expression_problems
from oscbridge.bridge.routes.expression_steps import carried_names, used_variables
from oscbridge.bridge.routes.functions import load_function
from oscbridge.bridge.routes.pure_steps import template_of
from oscbridge.bridge.routes.variables import Variable
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options
from oscbridge.osc.pattern import Pattern, with_stars
from oscbridge.suggestions import did_you_mean, suggest
from oscbridge.templates.message import MessageTemplate

__all__ = ["RouteReader"]

_KEYS: Final = tuple(field.alias or key for key, field in RouteOptions.model_fields.items())


class RouteReader:
    """Reads routes between ``bridges`` and ``endpoints``.

    These are the tables of the file: an invalid one is reported once, not once per use.
    """

    def __init__(
        self,
        types: Mapping[str, type[AnyEndpoint]],
        bridges: Mapping[str, object],
        endpoints: Mapping[str, Mapping[str, Any]],
        directory: Path | None = None,
        variables: Mapping[str, Variable | None] = MappingProxyType({}),
    ) -> None:
        self.problems: list[ConfigProblem] = []
        self.warnings: list[ConfigProblem] = []
        """What may be a mistake, but prevents nothing."""
        self.entries: list[RouteConfig] = []
        self.dot_stars: dict[int, str] = {}
        """The ``match`` of routes where a part is ``.*``, by index."""
        self.options: dict[int, RouteOptions] = {}
        """The enabled routes that are valid by themselves, by index."""
        self.endpoint_options: dict[int, Mapping[str, Options]] = {}
        """The options of those routes for endpoints, by their names."""
        self._named: dict[str, int] = {}
        """The index of each route that has a name."""
        self.variables = variables
        """The declared variables; None for an invalid one."""
        self._types = types
        self._bridges = bridges
        self._endpoints = endpoints
        self._directory = directory

    def read(self, index: int, table: Mapping[str, Any]) -> None:
        """Read the table of one route; ``index`` counts from 0."""
        path = ("route", index)
        # An endpoint type with the name of a key has no options in routes: the key was first.
        types = {key: value for key, value in table.items() if key in self._types}
        types = {key: value for key, value in types.items() if key not in _KEYS}
        others = {key: value for key, value in table.items() if key not in types}
        for key in [k for k, v in others.items() if k not in _KEYS and isinstance(v, dict)]:
            self._problem((*path, key), self._unknown_type(key))
            del others[key]
        route = validate(self.problems, RouteOptions, others, path)
        options: dict[str, Options] = {}
        expressions: dict[str, OptionExpressions] = {}
        for type_name, value in types.items():
            options |= self._route_options(path, type_name, value, route, expressions)
        if route is None:
            return
        self._check_name(index, route.name)
        self._check_names(path, route)
        template, config = self._check_steps(path, route, expressions)
        match = with_stars(route.match)
        if match != route.match:
            self.dot_stars[index] = route.match
        if hint := regular_expression_hint(route.match):
            self._warn((*path, "match"), hint, route.match)
        self.entries.append(
            replace(
                config,
                match=match,
                relative=route.relative,
                curve=route.curve,
                on_change=route.on_change,
                limit=None if route.limit is None else float(route.limit.removesuffix("/s")),
                debounce=route.debounce,
                hold=route.hold,
                ramp=route.ramp,
                delay=route.delay,
                name=route.name or "",
                sources=route.sources,
                to=route.to,
                options=options,
                expressions=expressions,
                enabled=route.enabled,
                address=always_sent_to(route, template),
            )
        )
        if route.enabled:
            self.options[index] = route
            self.endpoint_options[index] = options

    def _problem(self, path: KeyPath, text: str, value: object = None) -> None:
        self.problems.append(ConfigProblem(path, text, "" if value is None else show(value)))

    def _warn(self, path: KeyPath, text: str, value: object) -> None:
        self.warnings.append(ConfigProblem(path, text, show(value)))

    def _unknown_type(self, name: str) -> str:
        known = [key for key, each in self._types.items() if each.route_options_type is not None]
        fix = did_you_mean(name, [*_KEYS, *known]) or suggest_type(name, known)
        return f"unknown endpoint type; {fix}"

    def _route_options(
        self,
        path: KeyPath,
        type_name: str,
        value: object,
        route: RouteOptions | None,
        expressions: dict[str, OptionExpressions],
    ) -> dict[str, Options]:
        """``TYPE = {...}`` of a route, for each endpoint of that type that it leads to.

        Their expressions are added to ``expressions``.
        """
        model = self._types[type_name].route_options_type
        place = (*path, type_name)
        if model is None:
            self._problem(place, "endpoints of this type have no options in a route; remove it")
            return {}
        if not isinstance(value, dict):
            self._problem(place, "expected a table, e.g. { key = value }", value)
            return {}
        captures = None if route is None else Pattern(route.match, mapped=True).captures
        context = None if route is None else route_context(route, self.variables)
        options = validate(
            self.problems,
            model,
            value,
            place,
            directory=self._directory,
            captures=captures,
            route=context,
        )
        if route is None:
            return {}
        # Compared with the tables: an endpoint with a problem of its own still exists.
        mine = [name for name in route.to if self._endpoints.get(name, {}).get("type") == type_name]
        if not mine and all(name in self._endpoints for name in route.to):
            self._problem(place, "no endpoint under 'to' is of this type; remove it")
        if context is not None:
            expressions |= dict.fromkeys(mine, tuple(context.expressions))
        return {} if options is None else dict.fromkeys(mine, options)

    def _check_steps(
        self, path: KeyPath, route: RouteOptions, expressions: Mapping[str, OptionExpressions]
    ) -> tuple[MessageTemplate | None, RouteConfig]:
        """Check a route's steps against each other, and import its function.

        Returns the template of ``send`` if it is valid, and the configuration of these steps.
        """
        template = None
        config = RouteConfig(
            route.match,
            route.types,
            route.scale,
            send=route.send,
            function=route.function,
            json=route.json_part,
            let=tuple((route.let or {}).items()),
            when=route.when,
            edge=route.edge,
            set=tuple((route.set or {}).items()),
            hold=route.hold,
            variables=tuple(self.variables),
        )
        try:
            template = template_of(config)
        except ValueError as error:
            self._problem((*path, "send"), str(error), route.send)
        for finding in expression_problems(config, template, self.variables):
            report = self._problem if finding.is_certain else self._warn
            report((*path, *finding.key), finding.text, finding.expression)
        placeholders = [each for found in expressions.values() for _, each in found]
        config = replace(config, carried=carried_names(config, placeholders))
        config = replace(config, variables=used_variables(config, template))
        self.problems += [
            ConfigProblem((*path, key), text, value)
            for key, value, text in variable_problems(config, route, self._bridges)
        ]
        if route.function is not None:
            try:
                load_function(route.function)
            except ValueError as error:
                self._problem((*path, "function"), str(error), route.function)
        self.problems += [
            ConfigProblem((*path, key), text, value)
            for key, value, text in impossible(route, template)
        ]
        for key, value, text in (*pointless(route, template), *unused_keys(route)):
            self.warnings.append(ConfigProblem((*path, key), text, value))
        return template, config

    def _check_name(self, index: int, name: str | None) -> None:
        if name is not None and (other := self._named.setdefault(name, index)) != index:
            text = f"duplicate name: route {other + 1} has it too; rename one"
            self._problem(("route", index, "name"), text, name)

    def _check_names(self, path: KeyPath, route: RouteOptions) -> None:
        known = {**self._bridges, **self._endpoints}
        for name in route.sources:
            if name not in known:
                text = f"no such bridge or endpoint; {suggest(name, sorted(known))}"
                self._problem((*path, "from"), text, name)
        for name in route.to:
            if name not in known:
                text = f"no such bridge or endpoint; {suggest(name, sorted(known))}"
                self._problem((*path, "to"), text, name)
            if name not in self._endpoints:
                continue
            factory = self._types.get(str(self._endpoints[name].get("type")))
            if factory is not None and not factory.is_sink():
                text = "this endpoint only receives; use it under 'from'"
                self._problem((*path, "to"), text, name)
