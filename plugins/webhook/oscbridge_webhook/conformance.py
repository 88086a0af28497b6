"""A receiver of webhooks and a client of streams, for ``oscbridge plugins check webhook``."""

from __future__ import annotations

import aiohttp
from aiohttp import web

import oscbridge
from oscbridge.testing.conformance import ClientPeer
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


class StreamPeer(ClientPeer):
    """A client that posts messages, and counts those of a stream."""

    _session: aiohttp.ClientSession | None = None
    _response: aiohttp.ClientResponse | None = None
    _where = ""

    async def connect(self, where: str) -> None:
        self._where = where
        self._session = aiohttp.ClientSession()
        self._response = await self._session.get(f"{where}/api/v1/events")

    async def read(self) -> None:
        assert self._response is not None
        try:
            async for line in self._response.content:
                self.count(line.startswith(b"data: "))
        except aiohttp.ClientError:
            pass  # the endpoint has closed the connection

    async def say(self) -> bool:
        assert self._session is not None
        async with self._session.post(f"{self._where}/hello", json=1) as response:
            return response.ok

    async def disconnect(self) -> None:
        session, self._session = self._session, None
        response, self._response = self._response, None
        if response is not None:
            response.close()
        if session is not None:
            await session.close()
