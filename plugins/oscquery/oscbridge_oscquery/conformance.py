"""Peers for ``oscbridge plugins check oscquery``: a client with a WebSocket, and a server."""

from __future__ import annotations

import aiohttp
import orjson
from aiohttp import web

import oscbridge
from oscbridge.testing.conformance import ClientPeer
from oscbridge.testing.conformance.http_server_peer import HTTPServerPeer
from oscbridge_oscquery.commands import LISTEN, OSCQueryCommand, encode_command

__all__ = ["ListeningPeer", "MirroredPeer"]


class ListeningPeer(ClientPeer):
    """A client that listens to everything, and counts messages."""

    _session: aiohttp.ClientSession | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None

    async def connect(self, where: str) -> None:
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(where, autoping=False)
        for depth in range(1, 5):
            await self._socket.send_str(encode_command(OSCQueryCommand(LISTEN, "/*" * depth)))
        await self._socket.ping()
        while (await self._socket.receive()).type is not aiohttp.WSMsgType.PONG:
            pass

    async def read(self) -> None:
        assert self._socket is not None
        async for frame in self._socket:
            self.count(frame.type is aiohttp.WSMsgType.BINARY)

    async def say(self) -> bool:
        assert self._socket is not None
        await self._socket.send_bytes(oscbridge.encode_message(oscbridge.Message.of("/hello", 1)))
        return True

    async def disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class MirroredPeer(HTTPServerPeer):
    """A server with one node, and ``LISTEN``."""

    def __init__(self) -> None:
        super().__init__()
        self._received = 0
        self._sockets: list[web.WebSocketResponse] = []

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"url": self.address}

    @property
    def received(self) -> int:
        return self._received

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
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
        self._sockets.clear()
        await super().kill()
