"""A server of OSCQuery that answers as told, for the tests of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import aiohttp
import orjson
from aiohttp import web

import oscbridge

__all__ = ["FakeServer"]


class FakeServer:
    """Serves a tree that is made of its nodes at each request."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self.nodes: dict[str, dict[str, Any]] = deepcopy({k: dict(v) for k, v in nodes.items()})
        self.info: dict[str, Any] = {"NAME": "fake", "EXTENSIONS": {"LISTEN": True}}
        self.has_websocket = True
        self.listens: set[str] = set()
        self.received: list[oscbridge.Message] = []
        self.connections = 0
        """Connections of WebSockets until now."""
        self.questions = 0
        """Questions for nodes until now."""
        self.asked_attributes: list[str] = []
        self._sockets: list[web.WebSocketResponse] = []
        self._changed = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen: at first on a free port, and then on the same one again."""
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for socket in self._sockets:
            await socket.close()
        self._sockets.clear()
        self.listens.clear()
        await self._runner.cleanup()

    def socket(self) -> web.WebSocketResponse:
        """The connection of the client."""
        return self._sockets[-1]

    async def say(self, address: str, *args: oscbridge.Argument) -> None:
        """Send a message to the client."""
        message = oscbridge.Message.of(address, *args)
        await self.socket().send_bytes(oscbridge.encode_message(message))

    async def command(self, name: str, data: object) -> None:
        """Send a command to the client."""
        await self.socket().send_str(orjson.dumps({"COMMAND": name, "DATA": data}).decode())

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition that a frame of the client makes true."""
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        if self.has_websocket and socket.can_prepare(request).ok:
            return await self._serve(request, socket)
        if "HOST_INFO" in request.query_string:
            return web.Response(body=orjson.dumps(self.info), content_type="text/json")
        if request.query_string:
            self.asked_attributes.append(request.query_string)
        self.questions += 1
        node = self._tree()
        for name in request.path.strip("/").split("/"):
            if name:
                node = node.get("CONTENTS", {}).get(name)
            if node is None:
                return web.Response(status=404)
        return web.Response(body=orjson.dumps(node), content_type="text/json")

    def _tree(self) -> dict[str, Any]:
        root: dict[str, Any] = {"FULL_PATH": "/", "ACCESS": 0}
        for address, attributes in self.nodes.items():
            node, path = root, ""
            for name in address[1:].split("/"):
                path = f"{path}/{name}"
                contents = node.setdefault("CONTENTS", {})
                node = contents.setdefault(name, {"FULL_PATH": path})
            node.update(attributes)
        return root

    async def _serve(
        self, request: web.BaseRequest, socket: web.WebSocketResponse
    ) -> web.WebSocketResponse:
        await socket.prepare(request)
        self.connections += 1
        self._sockets.append(socket)
        async for frame in socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                self.received += oscbridge.messages(oscbridge.decode_packet(frame.data))
            elif frame.type is aiohttp.WSMsgType.TEXT:
                command = orjson.loads(frame.data)
                if command["COMMAND"] == "LISTEN":
                    self.listens.add(command["DATA"])
                else:
                    self.listens.discard(command["DATA"])
            self._changed.set()
        return socket
