"""A valid configuration, with every name resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from oscbridge.access.token import AccessToken
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.variables import Variable
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.contract.delivery import RouteInfo
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.options import Options

if TYPE_CHECKING:  # a running bridge has no tests
    from oscbridge.bridge.simulation.cases import Case

__all__ = ["Configuration", "EndpointEntry"]


@dataclass(frozen=True)
class EndpointEntry:
    """The configuration of an endpoint."""

    type_name: str
    factory: type[AnyEndpoint]
    options: Options
    runner: RunnerOptions


@dataclass(frozen=True)
class Configuration:
    """A configuration in which every name and value is valid."""

    bridges: Mapping[str, BridgeOptions]
    endpoints: Mapping[str, EndpointEntry]
    routes: Sequence[RouteConfig]
    http: HTTPOptions | None = None
    """Where health and metrics are served; None if they are not."""
    run: RunOptions = field(default_factory=RunOptions)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    state_file: Path | None = None
    """The file of the variables that persist; None if there are none."""
    tokens: Sequence[AccessToken] = ()
    """Who may listen, send and configure, and where."""
    tests: Sequence[Case] = ()
    """The tests of the file, if they were read; a running bridge has none."""

    def routes_with(self, endpoint: str) -> list[RouteConfig]:
        """The routes that lead to an endpoint, or read from it."""
        return [route for route in self.routes if endpoint in route.to or endpoint in route.sources]

    @cached_property
    def routes_to(self) -> Mapping[str, Sequence[RouteInfo]]:
        """By endpoint, the routes that name it under ``to``."""
        found: dict[str, list[RouteInfo]] = {name: [] for name in self.endpoints}
        for route in self.routes:
            for name in route.to:
                found[name].append(RouteInfo(route.options.get(name), route.address))
        return {name: tuple(routes) for name, routes in found.items()}
