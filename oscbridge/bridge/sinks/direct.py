"""Messages that no route has made."""

from __future__ import annotations

from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.delivery import Delivery
from oscbridge.osc import Message

__all__ = ["offer_message"]


def offer_message(runner: EndpointRunner, message: Message) -> None:
    """Queue a message for delivery, past all routes. From any thread; never raises."""
    runner.offer(Delivery(message, None, {}) if runner.takes_route else message)
