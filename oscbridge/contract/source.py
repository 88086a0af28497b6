"""What a plugin sees when it registers routes: a source, its sinks, and the routes to add to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from oscbridge.contract.options import Options
from oscbridge.osc import Message

__all__ = ["RouteFunction", "Routes", "Sink", "Source"]

RouteFunction: TypeAlias = Callable[[Message], Message | Iterable[Message] | None]
"""Makes of one message another, several, or none."""


@dataclass(frozen=True)
class Sink:
    """An endpoint that routes can lead to."""

    name: str
    """The name in the configuration."""
    type: str
    """The endpoint's type in the configuration."""
    is_routed: bool
    """Whether a route of the configuration names this endpoint under ``to``."""


@dataclass(frozen=True)
class Source:
    """A bridge, or an endpoint from which messages come."""

    name: str
    """The name in the configuration."""
    sinks: Mapping[str, Sink]
    """All endpoints that messages can be sent to, by name."""


class Routes(Protocol):
    """The routes that read from one source. Valid while the hook runs."""

    def add(
        self,
        match: str,
        sink: Sink,
        *,
        types: str | None = None,
        function: RouteFunction | None = None,
        options: Options | None = None,
        incidental: bool = False,
    ) -> None:
        """Send the source's messages to an endpoint.

        ``match``, ``types`` and ``function`` are the steps of a ``[[route]]`` by these names;
        ``function`` is the callable itself, is called where the source's handlers run, and must
        not wait. ``options`` are the route's, for an endpoint type that has route options.
        With ``incidental`` both count as unused all the same while no other route is about them.
        Raises :class:`PatternError` for a ``match`` that is not well formed, ``TypeError`` for
        ``options`` that are not of the endpoint's model, and ``RuntimeError`` when the hook has
        returned.
        """
