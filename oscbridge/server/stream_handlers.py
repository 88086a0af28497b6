"""Connections of a TCP server that programs serve with asyncio's streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.replies import packet_for
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import CHUNK
from oscbridge.osc.framing import stream_decoder
from oscbridge.server.served_connection import ServedConnection

__all__ = ["StreamHandlerProtocol", "end_streams", "serve_streams"]

_UNKNOWN: Final[ClientAddress] = ("", 0)


async def serve_streams(
    dispatcher: Dispatcher,
    mode: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    client: ClientAddress,
) -> None:
    """Call the handlers of all packets, awaiting coroutines, and send the replies."""
    framing = stream_decoder(mode)
    while framing.error is None and (data := await reader.read(CHUNK)):
        for packet in framing.feed(data):
            for result in await dispatcher.async_call_handlers_for_packet(packet, client):
                reply = packet_for(dispatcher, client, result)
                if reply is not None:
                    writer.write(framing.encode(reply))
                    await writer.drain()
    error = framing.error or framing.cut()
    if error is not None:
        dispatcher.report_bad(error, client)


async def end_streams(writer: asyncio.StreamWriter) -> None:
    """Send the unsent bytes, and close the connection."""
    try:
        writer.write_eof()
        writer.close()
        await writer.wait_closed()
    except OSError:
        pass  # already closed


class StreamHandlerProtocol(asyncio.StreamReaderProtocol):
    """Serves a connection with a coroutine. Adds itself to ``connections`` and removes itself."""

    def __init__(
        self,
        handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        connections: set[ServedConnection],
        stopped: asyncio.Event,
    ) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(asyncio.StreamReader(loop=loop), handle, loop=loop)
        self._of_server = connections
        self._stopped = stopped
        self.closed: asyncio.Future[None] = loop.create_future()
        """Done when the connection has ended."""
        self.client = _UNKNOWN
        """The client's address, once it is connected."""
        self._connection: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection = transport
        self.client = transport.get_extra_info("peername") or _UNKNOWN
        if self._stopped.is_set():
            self.abort()
            return
        self._of_server.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._connection = None
        self._of_server.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Close the connection after the unsent replies."""
        if self._connection is not None:
            self._connection.close()

    def abort(self) -> None:
        """Abort the connection."""
        if isinstance(self._connection, asyncio.Transport):
            self._connection.abort()

    def pause(self, on: bool) -> None:
        """Pause or resume reading."""
        if isinstance(self._connection, asyncio.Transport):
            if on:
                self._connection.pause_reading()
            else:
                self._connection.resume_reading()
