"""A valid configuration, with every name resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from oscbridge.bridge.config.models import BridgeOptions
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.routes.pure_steps import RouteSpec
from oscbridge.bridge.routes.route import StatefulOptions
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.delivery import RouteInfo
from oscbridge.endpoint import Endpoint
from oscbridge.options import Options

__all__ = ["Configuration", "EndpointEntry", "RouteEntry"]


@dataclass(frozen=True)
class EndpointEntry:
    """The configuration of an endpoint."""

    type_name: str
    factory: type[Endpoint]
    options: Options
    delivery: RunnerOptions


@dataclass(frozen=True)
class RouteEntry:
    """The configuration of a route."""

    sources: tuple[str, ...]
    spec: RouteSpec
    memory: StatefulOptions
    to: tuple[str, ...]
    options: Mapping[str, Options]
    """The route's options for endpoints, by endpoint name."""
    address: str | None = None
    """The address of its outgoing messages, if it is always the same."""


@dataclass(frozen=True)
class Configuration:
    """A configuration in which every name and value is valid."""

    bridges: Mapping[str, BridgeOptions]
    endpoints: Mapping[str, EndpointEntry]
    routes: Sequence[RouteEntry]
    http: HTTPOptions | None = None
    """Where health and metrics are served; None if they are not."""
    run: RunOptions = field(default_factory=RunOptions)

    @cached_property
    def routes_to(self) -> Mapping[str, Sequence[RouteInfo]]:
        """By endpoint, the routes that name it under ``to``."""
        found: dict[str, list[RouteInfo]] = {name: [] for name in self.endpoints}
        for entry in self.routes:
            for name in entry.to:
                found[name].append(RouteInfo(entry.options.get(name), entry.address))
        return {name: tuple(routes) for name, routes in found.items()}
