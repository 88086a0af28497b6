"""A WebSocket client, for ``oscbridge plugins check websocket``."""

from __future__ import annotations

from websockets.asyncio.client import ClientConnection, connect

import oscbridge
from oscbridge.testing.conformance import ClientPeer

__all__ = ["WebSocketPeer"]


class WebSocketPeer(ClientPeer):
    """Counts the messages that it receives as a binary client."""

    _connection: ClientConnection | None = None

    async def connect(self, where: str) -> None:
        self._connection = await connect(where, proxy=None, compression=None, close_timeout=1)

    async def read(self) -> None:
        assert self._connection is not None
        async for frame in self._connection:
            assert isinstance(frame, bytes)
            self.count(len(list(oscbridge.messages(oscbridge.decode_packet(frame)))))

    async def say(self) -> bool:
        assert self._connection is not None
        await self._connection.send(oscbridge.encode_message(oscbridge.Message.of("/hello", 1)))
        return True

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.transport.abort()
            await connection.wait_closed()
