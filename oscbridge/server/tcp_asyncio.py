"""The TCP server on an event loop."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType
from typing import Final, Self

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.due_timer import DueTimer
from oscbridge.dispatch.overrides import is_replaced
from oscbridge.net.acceptor import Acceptor, listen
from oscbridge.net.allowlist import AllowList
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc.framing import stream_decoder
from oscbridge.server.connected_client import StreamWatcher
from oscbridge.server.connection_limits import StreamLimits, refusal
from oscbridge.server.served_connection import ServedConnection
from oscbridge.server.stream_handlers import StreamHandlerProtocol, end_streams, serve_streams
from oscbridge.server.tcp import MODE_1_0, MODE_1_1
from oscbridge.server.tcp_protocol import StreamProtocol

__all__ = ["AsyncOSCTCPServer"]


class AsyncOSCTCPServer:
    """Connections are served on the running event loop; coroutine handlers are awaited.

    The packets of a connection are handled in order: those after a coroutine handler wait for
    it. ``server_address`` is the host. Raises ``ValueError`` for an unknown ``mode``.
    """

    limits = StreamLimits()
    """Limits of the connections. To be overridden."""
    allow = AllowList()
    """Networks that clients may connect from; all, if it is empty. Others, on this machine too,
    are counted as ``not_allowed`` and closed at once. To be overridden before
    :meth:`listen`: ``server.allow = AllowList(["10.0.0.0/8"])``."""
    watcher: StreamWatcher | None = None
    """Told of clients. To be set before :meth:`listen`."""
    stop_timeout = 0.5
    """Seconds that a stopping server waits for clients to take unsent replies."""

    def __init__(
        self, server_address: str, port: int, dispatcher: Dispatcher, mode: str = "1.1"
    ) -> None:
        stream_decoder(mode)
        self._host = server_address
        self._port = port
        self._dispatcher = dispatcher
        self._mode = mode
        self._acceptors: list[Acceptor] = []
        self._connections: set[ServedConnection] = set()
        self._paused = False
        self._stopped = asyncio.Event()

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher of the packets that this server receives."""
        return self._dispatcher

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none before :meth:`listen`."""
        return tuple(acceptor.socket for acceptor in self._acceptors)

    @property
    def connections(self) -> int:
        """Connected clients."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def listen(self) -> None:
        """Bind and serve in the background until :meth:`stop`. Raises ``OSError``."""
        if self._acceptors:
            return
        self._stopped.clear()
        self._acceptors = [
            Acceptor(sock, self._dispatcher, self._new_connection, self._refusal)
            for sock in await listen(self._host, self._port)
        ]
        self._timer = DueTimer(self._dispatcher.scheduler, asyncio.get_running_loop())
        for acceptor in self._acceptors:
            await acceptor.start()

    async def start(self) -> None:
        """Bind and serve until :meth:`stop`. Raises ``OSError`` if the address cannot be bound."""
        await self.listen()
        try:
            await self._stopped.wait()
        finally:
            await self.stop()  # after a cancellation

    async def stop(self) -> None:
        """Close the socket and all connections. Unsent replies have ``stop_timeout`` to be sent."""
        acceptors, self._acceptors = self._acceptors, []
        self._stopped.set()
        if not acceptors:
            return
        self._timer.close()
        for acceptor in acceptors:
            await acceptor.close()
        for connection in tuple(self._connections):
            connection.close()
        for aborts in (True, False):
            left = tuple(self._connections)
            if left:
                await asyncio.wait([each.closed for each in left], timeout=self.stop_timeout)
            if aborts:
                for connection in tuple(self._connections):
                    connection.abort()

    def pause(self, on: bool) -> None:
        """Pause or resume reading from all clients."""
        self._paused = on
        for connection in tuple(self._connections):
            connection.pause(self._paused)  # one that resumes may cause another pause

    def _new_connection(self) -> asyncio.BaseProtocol:
        if any(is_replaced(self, name, method) for name, method in _HANDLES.items()):
            return StreamHandlerProtocol(self.handle, self._connections, self._stopped)
        connection = StreamProtocol(
            *(self._dispatcher, self._mode, self.limits, self._refusal),
            *(self._connections, self._stopped),
        )
        connection.watcher = self.watcher
        connection.pause(self._paused)
        return connection

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end, and close it.

        For programs that override it, or one of the methods that it calls. Other servers do
        without streams, and apply :attr:`limits` during the connection.
        """
        client = writer.transport.get_extra_info("peername") or ("", 0)
        handle = self.handle1_0 if self._mode == MODE_1_0 else self.handle_1_1
        await handle(reader, writer, client)
        await end_streams(writer)

    async def handle1_0(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client_address: ClientAddress,
    ) -> None:
        """Call the handlers of packets with a length prefix, and send the replies."""
        streams = (reader, writer, client_address)
        await serve_streams(self.dispatcher, MODE_1_0, *streams)

    async def handle_1_1(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client_address: ClientAddress,
    ) -> None:
        """Call the handlers of SLIP packets, and send the replies."""
        mode = self._mode if self._mode == "auto" else MODE_1_1
        await serve_streams(self.dispatcher, mode, reader, writer, client_address)

    def _refusal(self, client: ClientAddress) -> str:
        """The reason to refuse a client, or an empty string."""
        connected = [connection.client[0] for connection in self._connections]
        return refusal(client, connected, self.allow, self.limits)


_HANDLES: Final = {
    "handle": AsyncOSCTCPServer.handle,
    "handle1_0": AsyncOSCTCPServer.handle1_0,
    "handle_1_1": AsyncOSCTCPServer.handle_1_1,
}
