"""Values that travel with a message to the expressions in the options for its endpoint."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.errors import MessageDropped
from oscbridge.expressions.expression import Let
from oscbridge.osc import Argument
from oscbridge.templates.carried import CarryingCaptures

__all__ = ["CarriedValues", "carried_values"]

VARIABLE: Final = "var."


def carried_values(
    config: RouteConfig, let: Let, variables: Mapping[str, Any]
) -> dict[str, Argument]:
    """The values that ``config.carried`` names.

    Raises :class:`~oscbridge.MessageDropped` for one that is not a number, a text or a truth value.
    """
    names = [name for name, _ in config.let]
    found: dict[str, Argument] = {}
    for name in config.carried:
        if name.startswith(VARIABLE):
            found[name] = variables[name.removeprefix(VARIABLE)]
            continue
        found[name] = value = let[names.index(name)]
        if problem := _problem(value):
            raise MessageDropped("expression", f"let {name!r} {problem}")
    return found


def _problem(value: object) -> str:
    """Why a value of ``let`` cannot travel with a message; empty if it can."""
    if isinstance(value, int):
        return "" if value < 1 << 63 else "does not fit 64 bits"
    if isinstance(value, str):
        return "contains NUL" if "\0" in value else ""
    kinds = "must be a number, text, or true or false to be used in options for an endpoint"
    return "" if isinstance(value, float) else f"{kinds}, not {type(value).__name__}"


class CarriedValues(threading.local):
    """The values for the message that a thread is passing through a route."""

    def __init__(self, config: RouteConfig) -> None:
        self._config = config
        self._values: Mapping[str, Argument] = {}

    def keep(self, let: Let, variables: Mapping[str, Any]) -> None:
        """Keep the values for the messages that the route makes of one message.

        Raises what :func:`carried_values` raises.
        """
        self._values = carried_values(self._config, let, variables)

    def added_to(self, captures: Mapping[str, str]) -> CarryingCaptures:
        """The captures of a match with the values."""
        return CarryingCaptures(captures, self._values)
