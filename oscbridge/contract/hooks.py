"""The hooks: each docstring is the contract.

An implementation may take any subset of a hook's arguments, by name. Hooks declare and
observe; no message ever passes through one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:  # a plugin's own processes need the marks alone
    from collections.abc import Mapping

    from click import Group

    from oscbridge.contract.endpoint import EndpointTypes
    from oscbridge.contract.importing import Importers
    from oscbridge.contract.source import Routes, Source

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "oscbridge"
"""The name of the project in pluggy, and the group of the entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def oscbridge_endpoints() -> EndpointTypes:  # type: ignore[empty-body]
    """Offer endpoint types.

    Returns endpoint classes by the name that ``type = "..."`` of an ``[endpoint.NAME]``
    picks them with. Instead of a class it may be a path, e.g. ``"oscbridge_lamp.endpoint:Lamp"``:
    then it is imported only if a configuration uses the type. Called once, before the
    configuration is read.
    """


@hookspec
def oscbridge_register_routes(routes: Routes, source: Source) -> None:
    """Add routes that read from a source.

    Called once for every source of messages, that is for every bridge and every endpoint,
    after the routes of the configuration and the default routes of endpoint types, and before
    anything listens; and again at every reload, when all routes are made again.
    ``routes.add("/mixer/*", source.sinks["desk"])`` is a route; with ``function`` it does in
    Python what TOML cannot say. An exception is logged; the routes that were added by then stay.
    What an endpoint that no route names should receive is not for this hook: declare it with
    ``Endpoint.default_routes``.
    """


@hookspec
def oscbridge_commands(cli: Group) -> None:
    """Add commands to ``oscbridge``.

    ``cli`` is a ``click.Group``. Called once, when help is asked for or a command that the
    bridge does not have itself. A command of the bridge cannot be replaced.
    """


@hookspec
def oscbridge_importers() -> Importers:  # type: ignore[empty-body]
    """Offer formats to ``oscbridge import``.

    Returns an ``oscbridge.Importer`` by the name of each format, e.g. ``omm``. Called once, when
    a file is imported. A format of the bridge or of another plugin cannot be replaced.
    """


@hookspec
def oscbridge_sites() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Offer pages that ``[http]`` serves beside health and metrics.

    Returns the path of a subclass of ``oscbridge.monitoring.Site`` by a name, e.g.
    ``{"ui": "oscbridge_ui.site:ControlRoom"}``; it is imported when the server starts. Called
    once. The pages of one plugin are served: of several, of the first by name.
    """
