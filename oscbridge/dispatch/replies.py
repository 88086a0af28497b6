"""Replies: packets from the results of handlers."""

from __future__ import annotations

import inspect

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.handler import encode_reply
from oscbridge.dispatch.statistics import name_of
from oscbridge.net.socket_address import ClientAddress

__all__ = ["packet_for", "report_unsent"]


def packet_for(dispatcher: Dispatcher, client: ClientAddress, result: object) -> bytes | None:
    """The packet with the reply to a client. None, after logging, if the result is not valid."""
    if inspect.iscoroutine(result):
        result.close()
        error: Exception = TypeError("only asyncio servers await coroutine handlers")
        dispatcher.report_failure(name_of(result), error)
        return None
    try:
        return encode_reply(result)
    except Exception as error:  # the object of a handler may raise anything
        report_unsent(dispatcher, client, error)
        return None


def report_unsent(dispatcher: Dispatcher, client: ClientAddress, error: Exception) -> None:
    """Count and log a reply that could not be sent."""
    dispatcher.report_failure(f"reply to {client[0]}:{client[1]}", error)
