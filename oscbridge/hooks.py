"""The hooks: each docstring is the contract.

An implementation may take any subset of a hook's arguments, by name. Hooks declare and
observe; no message ever passes through one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:  # a plugin's own processes need the marks alone
    from click import Group

    from oscbridge.dispatch.dispatcher import Dispatcher
    from oscbridge.endpoint import Endpoint
    from oscbridge.source import Source

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "oscbridge"
"""The name of the project in pluggy, and the group of the entry points."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def oscbridge_endpoints() -> Mapping[str, type[Endpoint]]:  # type: ignore[empty-body]
    """Offer endpoint types.

    Returns endpoint classes by the name that ``type = "..."`` of an ``[endpoint.NAME]``
    picks them with. Called once, before the configuration is read.
    """


@hookspec
def oscbridge_register_routes(dispatcher: Dispatcher, source: Source) -> None:
    """Put routes of the plugin's own on a source's dispatcher.

    Called once for every source of messages, that is for every bridge and every endpoint,
    after the routes of the configuration are in place and before anything listens; and again
    at every reload, on dispatchers that are still empty of the plugin's routes.
    What it raises is logged; the source keeps the routes that it has by then.
    ``dispatcher.map(address, source.sinks[name].offer, needs_message=True)`` is a route.
    This is how a plugin gives an endpoint that no route names (``sink.routed`` is false) its
    default, and how to write in Python what TOML cannot say.
    """


@hookspec
def oscbridge_commands(cli: Group) -> None:
    """Add commands to ``oscbridge``.

    ``cli`` is a ``click.Group``. Called once, when help is asked for or a command that the
    bridge does not have itself. A command of the bridge cannot be replaced.
    """
