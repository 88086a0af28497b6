"""Datagrams of the servers over UDP: their allowed senders, and the replies."""

from __future__ import annotations

import socket
from typing import Protocol, TypeAlias

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.replies import packet_for, report_unsent
from oscbridge.errors import DecodeError
from oscbridge.net.allowlist import AllowList
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_receive import DONT_WAIT

__all__ = ["keep_allowed", "send_reply"]

_Batch: TypeAlias = list[tuple[bytes, ClientAddress]]


class _Sender(Protocol):
    """A socket or a transport."""

    def sendto(self, data: bytes, addr: ClientAddress, /) -> object: ...


def keep_allowed(batch: _Batch, allow: AllowList, dispatcher: Dispatcher) -> _Batch:
    """The datagrams from allowed hosts. Others are counted, and not decoded."""
    # A batch has few senders: one look-up per sender costs less than one per datagram.
    senders = {client for _, client in batch}
    refused = {client for client in senders if client[0] not in allow}
    if not refused:
        return batch
    for _, client in batch:
        if client in refused:
            error = DecodeError("not_allowed", f"{client[0]} is not in 'allow'")
            dispatcher.report_bad(error, client)
    return [each for each in batch if each[1] not in refused]


def send_reply(
    dispatcher: Dispatcher, sender: _Sender, client: ClientAddress, result: object
) -> None:
    """Send the result of a handler to the client. Failures are logged."""
    packet = packet_for(dispatcher, client, result)
    if packet is None:
        return
    try:
        if isinstance(sender, socket.socket):
            sender.sendto(packet, DONT_WAIT, client)
        else:
            sender.sendto(packet, client)
    except OSError as error:
        report_unsent(dispatcher, client, error)
