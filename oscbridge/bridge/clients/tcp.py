"""The TCP clients of a bridge: all that are connected to its server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Final

from oscbridge.bridge.clients.outgoing import CLOSED, ClientLink, ClientSink, Outgoing
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.errors import NotConnected
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.framing import stream_encoder
from oscbridge.server.connected_client import ConnectedClient

__all__ = ["TCPClientLink"]

TURN: Final = 16
"""Clients after which other tasks run on the event loop."""


class _Member:
    """One connected client."""

    __slots__ = ("client", "has_subscribed", "is_active")

    def __init__(self, client: ConnectedClient) -> None:
        self.client = client
        self.is_active = False
        """Whether it gets messages; a new one at first gets a snapshot."""
        self.has_subscribed = False


class TCPClientLink:
    """Follows the clients of a server (:class:`StreamWatcher`) and sends to them.

    Clients are followed also without a sink, so that none has to connect again for one.
    """

    def __init__(self, max_packet_size: int) -> None:
        self.max_packet_size = max_packet_size
        self.is_open = True
        self._options: BridgeClientOptions | None = None
        self._sink: ClientSink | None = None
        self._lock = threading.Lock()
        self._members: dict[ClientAddress, _Member] = {}

    def close(self) -> None:
        self.is_open = False

    @property
    def count(self) -> int:
        return len(self._current())

    def _current(self) -> list[_Member]:
        with self._lock:
            return [each for each in self._members.values() if self._is_served(each)]

    def _is_served(self, member: _Member) -> bool:
        options = self._options
        return options is not None and (
            member.is_active and (member.has_subscribed or options.subscribe is None)
        )

    def serve(self, options: BridgeClientOptions | None, sink: ClientSink | None) -> None:
        self._options, self._sink = options, sink
        with self._lock:
            waiting = [each for each in self._members.values() if not each.is_active]
        for member in waiting:
            self._greet(member)

    def take_over(self, closed: ClientLink) -> None:
        """Nothing to do: the clients connect again."""

    def connected(self, client: ConnectedClient) -> None:
        """A client has connected."""
        member = _Member(client)
        with self._lock:
            self._members[client.client] = member
        self._greet(member)

    def disconnected(self, client: ConnectedClient, missed: int) -> None:
        """A client has disconnected before some packets had left."""
        with self._lock:
            self._members.pop(client.client, None)
        if missed and self._sink is not None:
            self._sink.missed("disconnected", missed, "the connection ended before they had left")

    def renew(self, client: ClientAddress, *, subscribes: bool) -> None:
        member = self._members.get(client)
        if member is not None and subscribes and not member.has_subscribed:
            member.has_subscribed = True
            self._greet(member)

    def _greet(self, member: _Member) -> None:
        """Let a client get messages, after a snapshot if there is one."""
        options, sink = self._options, self._sink
        if options is None or (options.subscribe is not None and not member.has_subscribed):
            return
        if not options.snapshot:
            member.is_active = True
        elif sink is not None:
            sink.welcome(member.client.client)

    def activate(self, client: ClientAddress, packets: Sequence[bytes]) -> None:
        member = self._members.get(client)
        if member is not None and not member.is_active:
            member.is_active = True
            encode = stream_encoder(member.client.framing)
            member.client.offer([encode(packet) for packet in packets])

    async def send(self, messages: Sequence[Outgoing]) -> None:
        if not self.is_open:
            raise NotConnected(CLOSED)
        frames = {
            framing: [stream_encoder(framing)(each.packet) for each in messages]
            for framing in {member.client.framing for member in self._current()}
        }
        for index, member in enumerate(self._current(), 1):
            client = member.client
            if client.framing in frames:
                pairs = zip(messages, frames[client.framing], strict=True)
                client.offer([frame for each, frame in pairs if _is_for(each, client.client)])
            if index % TURN == 0:
                await asyncio.sleep(0)


def _is_for(message: Outgoing, client: ClientAddress) -> bool:
    return message.source != client and (message.only is None or client in message.only)
