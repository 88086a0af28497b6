"""Endpoints as routes see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from oscbridge.bridge.routes.out import Out
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.contract.options import Options
from oscbridge.osc import Message

__all__ = ["RouteSink", "offer_to"]


class RouteSink(Protocol):
    """An endpoint as a route sees it."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def takes_route(self) -> bool:
        """Whether the endpoint's type has options of its own in a route."""

    def offer(self, message: Deliverable) -> None:
        """Take a message for delivery. From any thread; never raises.

        It waits only under the policy ``block``, and never on the event loop.
        """


def offer_to(sink: RouteSink, options: Options | None, captures: Mapping[str, str]) -> Out:
    """How a sink is given a message: with what the route says, if it wants that."""
    put = sink.offer
    if not sink.takes_route:
        return put

    def offer(message: Message) -> None:
        put(Delivery(message, options, captures))

    return offer
