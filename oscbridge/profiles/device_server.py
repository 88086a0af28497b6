"""Serves a simulated device over UDP or TCP."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, cast

from oscbridge.errors import DecodeError
from oscbridge.net.any_host import find_local_address
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.url import OSCURL
from oscbridge.osc import Message, decode_packet, encode_message, messages
from oscbridge.osc.framing import stream_decoder
from oscbridge.profiles.profile import Profile
from oscbridge.profiles.simulated_device import DeviceMessage, SimulatedDevice

__all__ = ["OnMessage", "serve_device"]

MAX_UNSENT: Final = 1 << 20
"""Bytes that wait for a TCP client; of one that does not read, messages are dropped."""

MAX_CONNECTIONS: Final = 64
"""TCP clients at the same time."""

_Send: TypeAlias = Callable[[DeviceMessage], None]

OnMessage: TypeAlias = Callable[[ClientAddress, Message], None]
"""Is told of each incoming message, and who sent it."""

_log: Final = logging.getLogger(__name__)


class _Server:
    """What UDP and TCP have in common: packets to the device, and its messages to clients."""

    def __init__(self, profile: Profile, on_message: OnMessage, passcode: str) -> None:
        self.device = SimulatedDevice(profile, time.monotonic, passcode)
        self.reply_port = profile.options.reply_port
        self._on_message = on_message

    def take(
        self,
        packet: bytes,
        client: object,
        peer: ClientAddress,
        send: Callable[[DeviceMessage], None],
    ) -> None:
        try:
            received = list(messages(decode_packet(packet)))
        except DecodeError as error:
            _log.warning("%s:%d: %s", peer[0], peer[1], error)
            return
        for message in received:
            self._on_message(peer, message)
            for outgoing in self.device.receive(message, client):
                send(outgoing)


class _UDP(asyncio.DatagramProtocol):
    def __init__(self, server: _Server) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: ClientAddress) -> None:
        port = self._server.reply_port
        client = addr if port is None else (addr[0], port, *addr[2:])
        self._server.take(data, client, addr, self._send)

    def _send(self, outgoing: DeviceMessage) -> None:
        client = cast(ClientAddress, outgoing.client)
        self._transport.sendto(encode_message(outgoing.message), client)

    def error_received(self, exc: Exception) -> None:
        """A client is gone; its subscription will expire."""


class _TCP(asyncio.Protocol):
    open_connections: Final[set[_TCP]]

    def __init__(self, server: _Server, framing: str, connections: set[_TCP]) -> None:
        self._server = server
        self._framing = stream_decoder(framing)
        self.open_connections = connections
        self._peer: ClientAddress = ("", 0)
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = transport.get_extra_info("peername")
        self.open_connections.add(self)
        if len(self.open_connections) > MAX_CONNECTIONS:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        for packet in self._framing.feed(data):
            self._server.take(packet, self, self._peer, _send_to_connection)
        if self._framing.error is not None:
            _log.warning("%s:%d: %s", self._peer[0], self._peer[1], self._framing.error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.discard(self)
        self._server.device.forget(self)

    def send(self, message: Message) -> None:
        if self._transport.get_write_buffer_size() < MAX_UNSENT:
            self._transport.write(self._framing.encode(encode_message(message)))

    def close(self) -> None:
        self._transport.abort()


def _send_to_connection(outgoing: DeviceMessage) -> None:
    cast(_TCP, outgoing.client).send(outgoing.message)


@asynccontextmanager
async def serve_device(
    profile: Profile, listen: OSCURL, on_message: OnMessage, passcode: str = ""
) -> AsyncIterator[OSCURL]:
    """Serve a simulated device within the context; yields the URL with its port.

    Over UDP it answers to the reply port of the profile, if that has one, as the device does.
    ``passcode`` is what clients must log in with, if the profile has a login.
    Raises ``OSError``.
    """
    loop = asyncio.get_running_loop()
    server = _Server(profile, on_message, passcode)
    if listen.scheme == "udp":
        family, address = await find_local_address(listen.host, listen.port, socket.SOCK_DGRAM)
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _UDP(server), local_addr=address[:2], family=family
        )
        try:
            yield listen._replace(port=transport.get_extra_info("sockname")[1])
        finally:
            transport.close()
        return
    family, address = await find_local_address(listen.host, listen.port, socket.SOCK_STREAM)
    connections: set[_TCP] = set()
    acceptor = await loop.create_server(
        lambda: _TCP(server, listen.framing, connections), *address[:2], family=family
    )
    try:
        yield listen._replace(port=acceptor.sockets[0].getsockname()[1])
    finally:
        acceptor.close()
        for connection in tuple(connections):
            connection.close()
