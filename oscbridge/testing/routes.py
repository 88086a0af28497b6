"""Reads the routes of a configuration without running it."""

from __future__ import annotations

from collections.abc import Sequence

from oscbridge.bridge.config.config import parse
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.plugins.manager import Plugins

__all__ = ["read_routes"]


def read_routes(text: str) -> Sequence[RouteConfig]:
    """Read the routes of a configuration, with the endpoint types of the installed plugins.

    The options of a plugin for a route are in ``options``, by the name of the endpoint.
    Raises :class:`oscbridge.ConfigurationError` that lists every problem.
    """
    return parse(text, Plugins().endpoint_types, "test.toml").routes
