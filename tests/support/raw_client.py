"""A WebSocket client that sends bytes as they are given."""

from __future__ import annotations

import asyncio
import base64
import os

__all__ = ["RawClient"]


class RawClient:
    """A client that does the handshake by hand and reads only on request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self, text: str) -> str:
        """Send a request. Returns the head of the response."""
        self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def handshake(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        answer = await self.request(
            "GET / HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\n"
            f"Sec-WebSocket-Version: 13\nSec-WebSocket-Key: {key}\n"
        )
        assert " 101 " in answer

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def read_all(self) -> bytes:
        """All data until the server closes or resets the connection."""
        found = b""
        try:
            while chunk := await self.reader.read(65_536):
                found += chunk
        except ConnectionError:
            pass
        return found

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)  # so that the transport closes its socket
