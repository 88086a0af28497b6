"""What messages come from and go to, as routes and plugins see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from oscbridge.osc import Message

__all__ = ["Sink", "Source"]


class Sink(Protocol):
    """The near side of an endpoint: where a route puts messages."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def type(self) -> str:
        """The endpoint's type in the configuration."""

    @property
    def routed(self) -> bool:
        """Whether a route of the configuration names this endpoint under ``to``."""

    @property
    def takes_route(self) -> bool:
        """Whether the endpoint's type has options of its own in a route."""

    def offer(self, message: Message) -> None:
        """Take a message for delivery. From any thread; never raises.

        It waits only under the policy ``block``, and never on the event loop.
        """


@dataclass(frozen=True)
class Source:
    """A bridge, or an endpoint from which messages come."""

    name: str
    """The name in the configuration."""
    sinks: Mapping[str, Sink]
    """All endpoints that messages can be sent to, by name."""
