"""Muting: a route gets messages, and lets none pass until it is unmuted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from oscbridge.bridge.app import App
from oscbridge.bridge.routes.route import MUTED, Route
from oscbridge.errors import ConfigurationError
from oscbridge.suggestions import suggest

__all__ = ["find_routes", "set_muted"]

_log: Final = logging.getLogger(__name__)


def find_routes(routes: Sequence[Route], names: Iterable[str]) -> list[Route]:
    """The routes with these names or numbers, from 1, each once.

    Raises :class:`ConfigurationError` for a name that none has.
    """
    known = {str(number): route for number, route in enumerate(routes, 1)}
    known |= {route.id: route for route in routes}
    found = {}
    for name in names:
        if name not in known:
            hint = suggest(name, [route.config.name for route in routes if route.config.name])
            count = len(routes)
            if name.isdigit() or hint.endswith("none"):
                hint = f"its routes have the numbers 1 to {count}" if count else "it has no routes"
            raise ConfigurationError(f"{name!r}: no such route; {hint}")
        found[known[name].id] = known[name]
    return list(found.values())


def set_muted(app: App, names: Iterable[str], on: bool) -> list[Route]:
    """Mute routes or unmute them; returns those that were not so before. On the event loop.

    What a route holds back when it is muted is filtered out, and its steps begin again without
    state; what it has handed to its endpoints is sent. Raises :class:`ConfigurationError` for an
    unknown name; then nothing has changed.
    """
    changed = [route for route in find_routes(app.routes, names) if route.is_muted != on]
    for route in changed:
        route.counts.is_muted = on
    for dispatcher in app.dispatchers.values():
        dispatcher.rebind()
    for route in changed:
        if on:
            route.stateful.discard(MUTED)
        _log.info("%s: %s", route.name, "muted" if on else "unmuted")
    return changed
