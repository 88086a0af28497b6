"""A receiver of webhooks and a client of streams, for ``oscbridge plugins check webhook``."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

import oscbridge
from oscbridge.testing.conformance import Peer
from oscbridge.testing.conformance.http_server_peer import HTTPServerPeer

__all__ = ["ReceiverPeer", "StreamPeer"]


class ReceiverPeer(HTTPServerPeer):
    """A server that counts requests."""

    def __init__(self) -> None:
        super().__init__()
        self._received = 0

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"url": f"{self.address}/", "timeout": 2.0}

    @property
    def received(self) -> int:
        return self._received

    async def answer(self, request: web.BaseRequest) -> web.Response:
        await request.read()
        self._received += 1
        return web.Response(status=204)


class StreamPeer(Peer):
    """A client that posts messages, and counts those of a stream."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._received = 0
        self._where = ""

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
        self._where = where
        self._session = aiohttp.ClientSession()
        self._response = await self._session.get(f"{where}/api/v1/events")
        self._reading = asyncio.create_task(self._read(self._response))

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        try:
            async for line in response.content:
                self._received += line.startswith(b"data: ")
        except aiohttp.ClientError:
            pass  # the endpoint has closed the connection

    async def say(self) -> bool:
        assert self._session is not None
        async with self._session.post(f"{self._where}/hello", json=1) as response:
            return response.ok

    async def kill(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        response, self._response = self._response, None
        if response is not None:
            response.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()
