"""MIDI over TCP: the bytes as they are, as mido's socket ports speak them, both ways.

mido's own port waits in ``send`` and must be asked for what came. This one never blocks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import oscbridge
from oscbridge_midi.codec import MAX_SYSEX
from oscbridge_midi.receiver import MidiReceiver
from oscbridge_midi.stream_parser import MidiStreamParser

__all__ = ["SCHEME", "ConnectionOwner", "MidiTcpClient", "MidiTcpServer", "parse"]

SCHEME: Final = "midi+tcp://"

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for what is still to be written when a connection is closed."""

READ_SIZE: Final = 512
"""Bytes that are read at once: as many messages, at most, before others have their turn."""

MAX_CLIENTS: Final = 64
"""Clients of a server at once."""

MAX_BEHIND: Final = 1 << 18
"""Bytes that a client of a server may be behind; then it is disconnected. Messages left out
might be the ends of notes."""


class ConnectionOwner(Protocol):
    """Who hears of a connection: the endpoint."""

    def inbound(self, peer: tuple[str, int]) -> MidiReceiver:
        """Where the messages from a peer go."""

    def bad(self, error: oscbridge.DecodeError, peer: tuple[str, int]) -> None:
        """A peer sent what is no message."""

    def greeting(self, *, again: bool) -> Sequence[bytes]:
        """What a new client must know; ``again`` if it may have been here before."""


def parse(text: str) -> oscbridge.HostPort:
    """The host and port of ``midi+tcp://host:port``. Raises ``ValueError``."""
    try:
        where = oscbridge.HostPort.parse(text.removeprefix(SCHEME))  # another scheme is no host
    except ValueError:
        raise ValueError(f"write it as {SCHEME}host:port") from None
    if not where.port:
        raise ValueError("nothing can be sent to port 0")
    return where


class _TcpConnection(asyncio.BufferedProtocol):
    """One TCP connection. What comes is read in small pieces: others have their turn between."""

    transport: asyncio.Transport

    def __init__(
        self,
        listeners: ConnectionOwner,
        on_lost: Callable[[_TcpConnection, Exception | None], None],
    ) -> None:
        self._listeners = listeners
        self._on_lost = on_lost
        self._splitter = MidiStreamParser()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._room = asyncio.Event()
        self._room.set()
        self._closed = asyncio.Event()
        self._inbound: MidiReceiver | None = None
        self.peer: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = (str(peer[0]), int(peer[1])) if peer else ("", 0)
        with contextlib.suppress(OSError):  # so that a peer whose cable is pulled is noticed
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._inbound = self._listeners.inbound(self.peer)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        now = time.time_ns()
        assert self._inbound is not None
        for found in self._splitter.feed(self._buffer[:nbytes]):
            if isinstance(found, bytes):
                self._inbound.receive(found, now)
            else:
                self._listeners.bad(found, self.peer)

    def connection_lost(self, exc: Exception | None) -> None:
        for fault in self._splitter.end():
            self._listeners.bad(fault, self.peer)
        if self._inbound is not None:
            self._inbound.close()
        self._closed.set()
        self._room.set()
        self._on_lost(self, exc)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set() and not self.transport.is_closing()

    async def drain(self) -> None:
        """Wait until there is room for more."""
        await self._room.wait()

    async def close(self) -> None:
        """Write what waits, within a time-out, and close."""
        self.transport.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._closed.wait()
        except TimeoutError:
            self.transport.abort()
            await self._closed.wait()


class MidiTcpClient:
    """A connection to a server of network MIDI."""

    def __init__(self, connection: _TcpConnection, name: str) -> None:
        self._connection = connection
        self.name = name
        self.longest = MAX_SYSEX

    @classmethod
    async def open(
        cls,
        to: oscbridge.HostPort,
        listeners: ConnectionOwner,
        on_lost: Callable[[Exception], None],
    ) -> MidiTcpClient:
        """Connect. Raises ``OSError``."""
        name = f"{SCHEME}{to}"

        def lost(_connection: _TcpConnection, error: Exception | None) -> None:
            text = str(error) if error is not None else "the peer ended the connection"
            on_lost(oscbridge.NotConnected(f"{name}: {text}"))

        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: _TcpConnection(listeners, lost), to.host, to.port
        )
        return cls(connection, name)

    async def send(self, messages: Sequence[bytes]) -> None:
        """Write messages. Raises :class:`oscbridge.NotConnected` before any is written."""
        if not self._connection.is_open:
            raise oscbridge.NotConnected(f"{self.name}: the connection is closed")
        self._connection.transport.write(b"".join(messages))
        await self._connection.drain()

    async def close(self) -> None:
        await self._connection.close()


class MidiTcpServer:
    """A server of network MIDI: all clients get what is sent, and all are heard."""

    def __init__(self, listeners: ConnectionOwner, endpoint: oscbridge.Endpoint) -> None:
        self._listeners = listeners
        self._endpoint = endpoint
        self._connections: set[_TcpConnection] = set()
        self._server: asyncio.Server | None = None
        self._left = False
        """Whether a client has left: the next may be the same one."""
        self.name = ""
        self.longest = MAX_SYSEX

    async def open(self, at: oscbridge.HostPort) -> None:
        """Listen. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make, at.host, at.port)
        port = self._server.sockets[0].getsockname()[1]
        self.name = f"{SCHEME}{at._replace(port=port)}"

    @property
    def clients(self) -> int:
        """How many there are."""
        return len(self._connections)

    def _make(self) -> _TcpConnection:
        server = self

        class Accepted(_TcpConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                server._accepted(self)

        return Accepted(self._listeners, self._gone)

    def _accepted(self, connection: _TcpConnection) -> None:
        if len(self._connections) >= MAX_CLIENTS:
            self._endpoint.host.refused(f"a client beyond {MAX_CLIENTS}: {connection.peer[0]}")
            connection.transport.abort()
            return
        connection.transport.write(b"".join(self._listeners.greeting(again=self._left)))
        self._connections.add(connection)

    def _gone(self, connection: _TcpConnection, _error: Exception | None) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._left = True

    async def send(self, messages: Sequence[bytes]) -> None:
        """Write messages to all clients. One that is far behind is disconnected."""
        data = b"".join(messages)
        for connection in tuple(self._connections):
            transport = connection.transport
            if transport.get_write_buffer_size() > MAX_BEHIND:
                self._endpoint.host.dropped(
                    "slow_client", len(messages), "a client reads too slowly"
                )
                self._endpoint.log.warning("%s:%d reads too slowly: disconnected", *connection.peer)
                transport.abort()
            else:
                transport.write(data)

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.close() for connection in tuple(self._connections)))
        await self._server.wait_closed()
