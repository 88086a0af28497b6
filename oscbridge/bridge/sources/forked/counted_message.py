"""Messages of a worker for routes that run in the bridge process."""

from __future__ import annotations

from typing import cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import ClientAddress
from oscbridge.osc import Message

__all__ = ["dispatch_counted"]


def dispatch_counted(dispatcher: Dispatcher, message: Message) -> None:
    """Call the handlers of a message that a worker has counted."""
    peer = message.origin and message.origin.peer
    client = cast(ClientAddress, peer if isinstance(peer, tuple) else ("", 0))
    statistics = dispatcher.statistics
    counted = statistics.messages, statistics.routed, statistics.unmatched
    dispatcher.dispatch_message(message, client, _no_reply)
    statistics.messages, statistics.routed, statistics.unmatched = counted


def _no_reply(_client: object, _result: object) -> None:
    """The child that could answer has ended."""
