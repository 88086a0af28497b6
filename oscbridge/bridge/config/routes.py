"""Reads the tables ``[[route]]`` of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from oscbridge.bridge.config.error_messages import choices, nearest, show, validate
from oscbridge.bridge.config.models import RouteOptions
from oscbridge.bridge.config.resolved import RouteEntry
from oscbridge.bridge.config.route_loops import always_sent_to, pointless
from oscbridge.bridge.routes.pure_steps import RouteSpec, load_function
from oscbridge.bridge.routes.route import StatefulOptions
from oscbridge.bridge.routes.template import Template
from oscbridge.endpoint import Endpoint, Options
from oscbridge.osc import Pattern

__all__ = ["RouteReader"]

_KEYS: Final = tuple(field.alias or key for key, field in RouteOptions.model_fields.items())


class RouteReader:
    """Reads routes between the ``bridges`` and ``endpoints`` of these tables.

    The tables are those of the file: a broken one is reported once, not once a use.
    """

    def __init__(
        self,
        types: Mapping[str, type[Endpoint]],
        bridges: Mapping[str, object],
        endpoints: Mapping[str, Mapping[str, Any]],
        directory: Path | None = None,
    ) -> None:
        self.faults: list[str] = []
        self.entries: list[RouteEntry] = []
        self.options: dict[int, RouteOptions] = {}
        """The routes that are good by themselves, by number."""
        self._types = types
        self._bridges = bridges
        self._endpoints = endpoints
        self._directory = directory

    def read(self, index: int, table: Mapping[str, Any]) -> None:
        """Read the table of one route."""
        where = f"route {index}"
        # A type of the name of a key has no options in routes: the key was there first.
        types = {key: value for key, value in table.items() if key in self._types}
        types = {key: value for key, value in types.items() if key not in _KEYS}
        others = {key: value for key, value in table.items() if key not in types}
        for key in [k for k, v in others.items() if k not in _KEYS and isinstance(v, dict)]:
            self.faults.append(f"{where}: {key}: {self._unknown_type(key)}")
            del others[key]
        route = validate(self.faults, RouteOptions, others, where)
        options: dict[str, Options] = {}
        for type_name, value in types.items():
            options |= self._route_options(where, type_name, value, route)
        if route is None:
            return
        self._check_names(where, route)
        template = self._check_steps(where, route)
        spec = RouteSpec(
            route.match, route.types, route.scale, route.curve, route.send, route.function
        )
        limit = None if route.limit is None else float(route.limit.removesuffix("/s"))
        memory = StatefulOptions(route.on_change, limit, route.delay)
        self.entries.append(
            RouteEntry(
                route.sources, spec, memory, route.to, options, always_sent_to(route, template)
            )
        )
        self.options[index] = route

    def _unknown_type(self, name: str) -> str:
        known = [key for key, factory in self._types.items() if factory.RouteOptions is not None]
        mend = nearest(name, [*_KEYS, *known])
        return "no plugin offers an endpoint type of this name; " + (
            mend or f"one may bring it: pip install oscbridge-{name}"
        )

    def _route_options(
        self, where: str, type_name: str, value: object, route: RouteOptions | None
    ) -> dict[str, Options]:
        """``TYPE = {...}`` of a route, for each endpoint of that type that it goes to."""
        model = self._types[type_name].RouteOptions
        place = f"{where}: {type_name}"
        if model is None:
            self.faults.append(f"{place}: endpoints of this type have no options in a route")
            return {}
        if not isinstance(value, dict):
            self.faults.append(f"{place} = {show(value)}: expected a table, as {{ key = value }}")
            return {}
        captures = None if route is None else Pattern(route.match, mapped=True).captures
        options = validate(
            self.faults, model, value, place, directory=self._directory, captures=captures
        )
        if route is None:
            return {}
        # Held against the tables: an endpoint with a fault of its own is still there.
        mine = [name for name in route.to if self._endpoints.get(name, {}).get("type") == type_name]
        if not mine and all(name in self._endpoints for name in route.to):
            self.faults.append(f"{place}: no endpoint under 'to' is of this type")
        return {} if options is None else dict.fromkeys(mine, options)

    def _check_steps(self, where: str, route: RouteOptions) -> Template | None:
        """What the values of a route's steps say of each other and of the world.

        Returns the template of ``send``, if there is a good one.
        """
        template = None
        if route.send is not None:
            try:
                template = Template(route.send, Pattern(route.match, mapped=True).captures)
            except ValueError as error:
                self.faults.append(f"{where}: send = {show(route.send)}: {error}")
        if route.function is not None:
            try:
                load_function(route.function)
            except ValueError as error:
                self.faults.append(f"{where}: function = {show(route.function)}: {error}")
        self.faults += [f"{where}: {fault}" for fault in pointless(route, template)]
        return template

    def _check_names(self, where: str, route: RouteOptions) -> None:
        known = {**self._bridges, **self._endpoints}
        for name in route.sources:
            if name not in known:
                mend = choices(name, known, "there is")
                self.faults.append(
                    f"{where}: from = {show(name)}: no such bridge or endpoint; {mend}"
                )
        for name in route.to:
            if name not in self._endpoints:
                mend = choices(name, self._endpoints, "there is")
                self.faults.append(f"{where}: to = {show(name)}: no such endpoint; {mend}")
                continue
            factory = self._types.get(str(self._endpoints[name].get("type")))
            if factory is not None and not factory.is_sink():
                self.faults.append(
                    f"{where}: to = {show(name)}: nothing can be sent to this endpoint; "
                    "it can only stand under 'from'"
                )
