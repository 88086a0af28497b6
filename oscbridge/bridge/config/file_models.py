"""The model of a whole file: all its tables. A table that is missing here is an unknown key."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.case_models import CaseOptions
from oscbridge.bridge.config.endpoint_models import HostOptions
from oscbridge.bridge.config.include import MAX_PATTERNS
from oscbridge.bridge.config.names import NAME
from oscbridge.bridge.config.process_models import HTTPOptions, RunOptions
from oscbridge.bridge.config.route_models import RouteOptions
from oscbridge.bridge.config.token_models import MAX_TOKENS, TokenOptions
from oscbridge.bridge.config.variable_models import MAX_NAME, VariableOptions
from oscbridge.bridge.routes.variables import MAX_VARIABLES, Value
from oscbridge.contract.options import Options

__all__ = ["SECTIONS", "ConfigurationFile"]

_Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
_VariableName = Annotated[str, Field(pattern=f"^[A-Za-z_][A-Za-z0-9_]{{0,{MAX_NAME - 1}}}$")]


class ConfigurationFile(Options):
    """A configuration of oscbridge."""

    include: str | Annotated[tuple[str, ...], Field(max_length=MAX_PATTERNS)] = ()
    """Other files to read as if they were part of this one: names or patterns, e.g.
    ``["desks/*.toml"]``."""
    bridge: Mapping[_Name, BridgeOptions] = MappingProxyType({})
    """OSC servers by name."""
    endpoint: Mapping[_Name, HostOptions] = MappingProxyType({})
    """Endpoints by name; ``type`` selects the plugin, which adds its own keys."""
    route: tuple[RouteOptions, ...] = ()
    """Routes, in order."""
    variables: Annotated[
        Mapping[_VariableName, Value | VariableOptions], Field(max_length=MAX_VARIABLES)
    ] = MappingProxyType({})
    """Variables by name: the initial value, or a table with it."""
    test: tuple[CaseOptions, ...] = ()
    """Tests of the routes, for ``oscbridge test``."""
    token: Annotated[tuple[TokenOptions, ...], Field(max_length=MAX_TOKENS)] = ()
    """Tokens: who may listen, send and configure, and where."""
    http: HTTPOptions | None = None
    """Where health and metrics are served."""
    run: RunOptions | None = None
    """The process."""


SECTIONS: Final = tuple(sorted(ConfigurationFile.model_fields.keys() - {"include"}))
"""The names of the tables of a file."""
