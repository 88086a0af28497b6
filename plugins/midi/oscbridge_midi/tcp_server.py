"""A server of MIDI over TCP."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.tcp import SCHEME, MidiConnectionOwner, MidiTcpConnection

__all__ = ["MidiTcpServer"]

MAX_UNSENT: Final = 1 << 18
"""Unsent bytes that end a client's connection. Dropping messages could drop the ends of notes."""


class MidiTcpServer:
    """A server of MIDI over TCP: sends to all clients and receives from all of them.

    ``allow`` are the addresses of clients; empty for all. ``max_per_address`` limits the clients
    of one address, ``max_clients`` all of them. A new client takes the place of the one that has
    sent nothing for the longest time: of its address, or of the address with the most clients. So
    nobody is locked out by forgotten connections.
    """

    max_size = MAX_SYSEX

    def __init__(
        self,
        owner: MidiConnectionOwner,
        endpoint: oscbridge.AnyEndpoint,
        max_clients: int,
        max_per_address: int,
        allow: oscbridge.AllowList,
    ) -> None:
        self._allow = allow
        self._max_clients = max_clients
        self._max_per_address = max_per_address
        self._owner = owner
        self._endpoint = endpoint
        self._connections: set[MidiTcpConnection] = set()
        self._server: asyncio.Server | None = None
        self._had_clients = False
        """Whether a client has disconnected: the next one may be the same one."""
        self.name = ""

    async def open(self, address: oscbridge.HostPort) -> None:
        """Listen. Raises ``OSError``."""
        where: dict[str, Any] = {"host": address.host, "port": address.port}
        if oscbridge.is_any_host(address.host):
            where = {"sock": oscbridge.open_listening_socket(address.port)}
        self._server = await asyncio.get_running_loop().create_server(
            lambda: MidiTcpConnection(self._owner, self._removed, self._accepted),
            **where,
            start_serving=False,  # or a cancellation could leave its sockets open
        )
        await self._server.start_serving()
        port = self._server.sockets[0].getsockname()[1]
        self.name = f"{SCHEME}{address._replace(port=port)}"

    @property
    def clients(self) -> int:
        """The number of connected clients."""
        return len(self._connections)

    def _accepted(self, connection: MidiTcpConnection) -> None:
        if self._allow and connection.peer[0] not in self._allow:
            self._endpoint.host.refused(f"{connection.peer[0]}, which is not in 'allow'")
            connection.transport.abort()
            return
        self._make_room(connection.peer[0])
        connection.transport.set_write_buffer_limits(high=0)  # it says when all is written
        greeting = self._owner.greeting(reconnected=self._had_clients)
        connection.transport.write(b"".join(greeting))
        self._connections.add(connection)

    def _make_room(self, host: str) -> None:
        """Close the idlest connection where a new one of this address would be too many."""
        counts = Counter(each.peer[0] for each in self._connections)
        if counts[host] >= self._max_per_address:
            limit = f"max_connections_per_address = {self._max_per_address}"
            hosts = {host}
        elif len(self._connections) >= self._max_clients:
            limit = f"max_connections = {self._max_clients}"
            most = max(counts.values())
            hosts = {each for each, count in counts.items() if count == most}
        else:
            return
        candidates = [each for each in self._connections if each.peer[0] in hosts]
        idlest = min(candidates, key=lambda each: each.active_at)
        self._endpoint.host.refused(
            f"the idlest client from {idlest.peer[0]}, closed: {limit} reached"
        )
        self._removed(idlest, None)
        idlest.transport.abort()

    def _removed(self, connection: MidiTcpConnection, _error: Exception | None) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._had_clients = True
            self._missed("disconnected", connection.take_unsent(), "a client disconnected")

    def _missed(self, reason: str, count: int, why: str) -> None:
        if count:
            self._endpoint.host.client_dropped(reason, count, why)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Write messages to all clients. A client that reads too slowly is disconnected."""
        self.send_now(messages)

    def send_now(self, messages: Sequence[bytes], when_ns: int = 0) -> None:
        """The same; it does not wait."""
        for connection in tuple(self._connections):
            transport = connection.transport
            if transport.is_closing():
                self._missed("disconnected", len(messages), "a client disconnected")
            elif transport.get_write_buffer_size() > MAX_UNSENT:
                count = len(messages) + connection.take_unsent()
                self._missed("slow_client", count, "a client reads too slowly")
                self._endpoint.log.warning("%s:%d reads too slowly: disconnected", *connection.peer)
                transport.abort()
            else:
                connection.write(messages)

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.transport.close()  # before anything can be cancelled
        await asyncio.gather(*(connection.close() for connection in connections))
        await self._server.wait_closed()
