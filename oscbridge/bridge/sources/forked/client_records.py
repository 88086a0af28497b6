"""In the bridge process: what a worker reports about the clients of its bridge."""

from __future__ import annotations

from typing import cast

from oscbridge.bridge.clients.udp import UDPClientLink
from oscbridge.bridge.sources.forked.ipc_clients import (
    AskedRecord,
    ClientDisconnected,
    ClientRecord,
    SenderRecord,
)
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.net.socket_address import ClientAddress

__all__ = ["take_client_record"]


def take_client_record(
    record: ClientRecord, dispatcher: Dispatcher, clients: UDPClientLink | None
) -> None:
    """Note in the clients of a bridge, and in its dispatcher, what a record says."""
    client = cast(ClientAddress, record.client)
    match record:
        case ClientDisconnected():
            dispatcher.client_disconnected(client)
        case SenderRecord() if clients is not None:
            clients.reported(client, record.is_reachable)
        case AskedRecord() if clients is not None:
            clients.asked(client, record.address)
