"""A WebSocket client, for ``oscbridge plugins check websocket``."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import ClientConnection, connect

import oscbridge
from oscbridge.testing.conformance import Peer

__all__ = ["WebSocketPeer"]


class WebSocketPeer(Peer):
    """Counts the messages that it receives as a binary client."""

    def __init__(self) -> None:
        self._connection: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._received = 0

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"listen": "127.0.0.1:0"}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        """Nothing listens."""

    async def join(self, where: str) -> None:
        await self.kill()
        self._connection = await connect(where, proxy=None, compression=None, close_timeout=1)
        self._reading = asyncio.create_task(self._read(self._connection))

    async def _read(self, connection: ClientConnection) -> None:
        async for frame in connection:
            assert isinstance(frame, bytes)
            self._received += len(list(oscbridge.messages(oscbridge.decode_packet(frame))))

    async def say(self) -> bool:
        assert self._connection is not None
        await self._connection.send(oscbridge.encode_message(oscbridge.Message.of("/hello", 1)))
        return True

    async def kill(self) -> None:
        connection, self._connection = self._connection, None
        reading, self._reading = self._reading, None
        if connection is not None:
            connection.transport.abort()
            await connection.wait_closed()
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
