"""Packets from clients: checked, shared with the other clients, and put into the routes."""

from __future__ import annotations

import time
from collections.abc import Callable

import oscbridge
from oscbridge_oscquery.clients import ListeningClients
from oscbridge_oscquery.shared_messages import SharedMessages

__all__ = ["IncomingPackets"]


class IncomingPackets:
    """What clients send by WebSocket or UDP.

    A node that a client sets has a new value for all that listen to it, whether a route brings
    it back or not, unless it cannot be both read and written.
    """

    def __init__(
        self,
        name: str,
        host: oscbridge.Host,
        clients: ListeningClients,
        visible: Callable[[], oscbridge.AddressBook],
    ) -> None:
        self._name = name
        self._host = host
        self._clients = clients
        self._visible = visible
        self._shared = SharedMessages()

    def receive(
        self, data: bytes, peer: oscbridge.ClientAddress, rights: oscbridge.AccessRights
    ) -> int:
        """Take a packet. Returns the number of messages in it, 1 for one without any."""
        try:
            packet = oscbridge.decode_packet(data)
            messages = list(oscbridge.messages(packet))
            if not rights.sends_all:
                _check(messages, rights)
        except oscbridge.DecodeError as error:
            self._host.bad_input(error, peer)
            return 1
        self._host.receive_packet(data, peer)
        if len(self._clients) and _is_due(packet):
            self._share(messages, peer)
        return max(len(messages), 1)

    def _share(self, messages: list[oscbridge.Message], peer: oscbridge.ClientAddress) -> None:
        visible, origin = self._visible(), oscbridge.Origin(self._name, peer)
        shared: list[oscbridge.Message] = []
        for message in messages:
            info = visible.get(message.address)
            if info is not None and info.access == oscbridge.Access.BOTH:
                self._shared.add(peer, oscbridge.encode_message(message))
                shared.append(message._replace(origin=origin))
        self._clients.publish(shared)

    def is_shared(self, message: oscbridge.Message) -> bool:
        """Whether a message from a route has been sent to the clients when it was received."""
        origin = message.origin
        return origin is not None and origin.source == self._name and self._shared.take(message)


def _check(messages: list[oscbridge.Message], rights: oscbridge.AccessRights) -> None:
    """Raise :class:`oscbridge.DecodeError` for a packet with a message that is not allowed."""
    for message in messages:
        address = message.address
        if not address.startswith("/"):  # the bridge adds it
            address = f"/{address}"
        if not rights.may_send(address):
            raise oscbridge.DecodeError("rights", f"{address[:80]}: this token may not send it")


def _is_due(packet: oscbridge.Packet) -> bool:
    """Whether a packet is to be used at once, not at a later time."""
    if isinstance(packet, oscbridge.Message):
        return True
    return packet.timetag.immediate or packet.timetag.unix_ns() <= time.time_ns()
