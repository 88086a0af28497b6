"""Peers for ``oscbridge plugins check oscquery``: a client with a WebSocket, and a server."""

from __future__ import annotations

import asyncio

import aiohttp
import orjson
from aiohttp import web

import oscbridge
from oscbridge.testing import free_port
from oscbridge.testing.conformance import Peer
from oscbridge_oscquery.commands import LISTEN, OSCQueryCommand, encode_command

__all__ = ["ListeningPeer", "MirroredPeer"]


class ListeningPeer(Peer):
    """A client that listens to everything, and counts messages."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
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
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(where, autoping=False)
        for depth in range(1, 5):
            await self._socket.send_str(encode_command(OSCQueryCommand(LISTEN, "/*" * depth)))
        await self._socket.ping()
        while (await self._socket.receive()).type is not aiohttp.WSMsgType.PONG:
            pass
        self._reading = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for frame in socket:
            self._received += frame.type is aiohttp.WSMsgType.BINARY

    async def say(self) -> bool:
        assert self._socket is not None
        await self._socket.send_bytes(oscbridge.encode_message(oscbridge.Message.of("/hello", 1)))
        return True

    async def kill(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class MirroredPeer(Peer):
    """A server with one node, and ``LISTEN``."""

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._runner: web.ServerRunner | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._transports: set[asyncio.Transport] = set()

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"url": f"http://127.0.0.1:{self._port}"}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            self._transports.add(request.transport)
        socket = web.WebSocketResponse()
        if socket.can_prepare(request).ok:
            return await self._serve(request, socket)
        node: dict[str, object] = {"FULL_PATH": "/hello", "TYPE": "i", "ACCESS": 3, "VALUE": [0]}
        document: dict[str, object] = {"FULL_PATH": "/", "CONTENTS": {"hello": node}}
        if "HOST_INFO" in request.query_string:
            document = {"NAME": "peer", "OSC_TRANSPORT": "TCP", "EXTENSIONS": {"LISTEN": True}}
        return web.Response(body=orjson.dumps(document), content_type="application/json")

    async def _serve(
        self, request: web.BaseRequest, socket: web.WebSocketResponse
    ) -> web.WebSocketResponse:
        await socket.prepare(request)
        self._sockets.append(socket)
        async for frame in socket:
            self._received += frame.type is aiohttp.WSMsgType.BINARY
        return socket

    async def say(self) -> bool:
        message = oscbridge.encode_message(oscbridge.Message.of("/hello", 1))
        for socket in self._sockets:
            if not socket.closed:
                await socket.send_bytes(message)
        return True

    async def kill(self) -> None:
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        self._sockets.clear()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
