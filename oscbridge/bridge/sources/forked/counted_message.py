"""Messages of a worker for routes that run in the bridge process."""

from __future__ import annotations

from typing import cast

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message

__all__ = ["dispatch_counted", "screened"]


def screened(dispatcher: Dispatcher, message: Message, digest: int) -> Message:
    """What the dispatcher's screen makes of a message. Raises ``MessageDropped``.

    ``digest`` is that of the message as the worker received it.
    """
    return dispatcher.screened(message, _client_of(message), digest)


def dispatch_counted(dispatcher: Dispatcher, message: Message) -> None:
    """Call the handlers of a message that a worker has counted, and that was screened."""
    client = _client_of(message)
    statistics = dispatcher.statistics
    counted = statistics.messages, statistics.routed, statistics.unmatched
    dispatcher.dispatch_message(message, client, _no_reply)
    statistics.messages, statistics.routed, statistics.unmatched = counted


def _client_of(message: Message) -> ClientAddress:
    peer = message.origin and message.origin.peer
    return cast(ClientAddress, peer if isinstance(peer, tuple) else ("", 0))


def _no_reply(_client: object, _result: object) -> None:
    """The child that could answer has ended."""
