"""A bridge with an OSCQuery server, and clients of it, for the tests of the plugin."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple

import aiohttp
import orjson
from yarl import URL

import oscbridge
from oscbridge.testing import EndpointStatus, RunningBridge
from oscbridge_oscquery.endpoint import OSCQueryEndpoint

__all__ = [
    "CONFIGURATION",
    "PROFILE",
    "HTTPAnswer",
    "QueryBridge",
    "StartQueryBridge",
    "WebSocketPeer",
]

PROFILE = """
title = "A mixer"
port  = 10023
[[group]]
name      = "all"
status    = "documented"
source    = "this test"
addresses = [
  { address = "/mix/{1..4}/fader", types = "f", range = [0, 1], unit = "gain.db", \
    description = "Fader {1}" },
  { address = "/mix/{1..4}/name", types = "s", description = "Name" },
  { address = "/mix/colour", types = "r" },
  { address = "/mix/mode", types = "i", choices = [0, 1, 2] },
  { address = "/meter", types = "ff", access = "read", range = [[0, 1], [0, 1]] },
  { address = "/go", access = "write" },
  { address = "/say", types = "s", access = "write" },
]
"""

CONFIGURATION = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.q]
type   = "oscquery"
listen = "127.0.0.1:0"
{options}
[endpoint.desk]
type     = "osc"
to       = "udp://127.0.0.1:{device}"
profile  = "{profile}"
on_start = "ignore"
[[route]]
from = ["q", "stage"]
to   = "desk"
[[route]]
from = ["desk", "stage"]
to   = "q"
"""
"""A mixer with a profile, as an OSCQuery server."""


class HTTPAnswer(NamedTuple):
    """The answer to a request."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> object:
        return orjson.loads(self.body)


class WebSocketPeer:
    """A client of the WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._early: deque[aiohttp.WSMessage] = deque()

    async def command(self, name: str, data: object) -> None:
        await self.socket.send_json({"COMMAND": name, "DATA": data})

    async def listen(self, *addresses: str) -> None:
        for address in addresses:
            await self.command("LISTEN", address)

    async def send(self, address: str, *args: oscbridge.Argument) -> None:
        message = oscbridge.Message.of(address, *args)
        await self.socket.send_bytes(oscbridge.encode_message(message))

    async def settled(self) -> None:
        """Everything that was sent before has been handled."""
        await self.socket.ping()
        while (frame := await self._receive()).type is not aiohttp.WSMsgType.PONG:
            self._early.append(frame)

    async def next(self) -> tuple[str, tuple[oscbridge.Argument, ...]]:
        """The next message; a frame has one, and not in a bundle."""
        frame = await self._frame()
        assert frame.type is aiohttp.WSMsgType.BINARY, frame
        packet = oscbridge.decode_packet(frame.data)
        assert isinstance(packet, oscbridge.Message)
        return packet.address, packet.args

    async def next_command(self) -> tuple[str, object]:
        frame = await self._frame()
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        document = orjson.loads(frame.data)
        return document["COMMAND"], document["DATA"]

    async def closed(self) -> int | None:
        """The code with which the server closes the connection; None without one."""
        while (frame := await self._frame()).type is not aiohttp.WSMsgType.CLOSE:
            if frame.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return None
        code: int = frame.data
        return code

    async def nothing_came(self) -> bool:
        """Whether nothing was sent to it until now."""
        await self.settled()
        return not self._early

    async def _frame(self) -> aiohttp.WSMessage:
        return self._early.popleft() if self._early else await self._receive()

    async def _receive(self) -> aiohttp.WSMessage:
        async with asyncio.timeout(20):
            return await self.socket.receive()


class QueryBridge:
    """A running bridge with the endpoint ``q``, and the device behind ``desk``."""

    def __init__(
        self, bridge: RunningBridge, session: aiohttp.ClientSession, device: socket.socket
    ) -> None:
        self.bridge = bridge
        self.device = device
        self.session = session
        self._stack = AsyncExitStack()
        self.text = ""
        """The configuration."""

    @property
    def endpoint(self) -> OSCQueryEndpoint:
        found = self.bridge.endpoint("q")
        assert isinstance(found, OSCQueryEndpoint)
        return found

    @property
    def status(self) -> EndpointStatus:
        return self.bridge.endpoint_status("q")

    @property
    def url(self) -> str:
        return self.endpoint.describe()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def get(self, path: str = "/", method: str = "GET", **headers: str) -> HTTPAnswer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = URL(f"{self.url}{path}", encoded=True)
        async with self.session.request(method, url, headers=named) as response:
            return HTTPAnswer(response.status, await response.read(), dict(response.headers))

    async def join(self, token: str = "", **headers: str) -> WebSocketPeer:
        """Connect a client."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        socket = await self._stack.enter_async_context(
            self.session.ws_connect(self.url, headers=headers, autoping=False)
        )
        return WebSocketPeer(socket)

    async def listening(self, *addresses: str) -> WebSocketPeer:
        """Connect a client that listens."""
        client = await self.join()
        await client.listen(*addresses)
        await client.settled()
        return client

    def from_stage(self, address: str, *args: oscbridge.Argument) -> None:
        """Send a message to the bridge ``stage``."""
        self.bridge.send("stage", oscbridge.Message.of(address, *args))

    def by_udp(self, address: str, *args: oscbridge.Argument) -> None:
        """Send a message to the UDP port of the server."""
        self.by_udp_to(self.port, address, *args)

    @staticmethod
    def by_udp_to(port: int, address: str, *args: oscbridge.Argument) -> None:
        """Send a message to a UDP port of this machine."""
        packet = oscbridge.encode_message(oscbridge.Message.of(address, *args))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(packet, ("127.0.0.1", port))

    async def at_device(self) -> tuple[str, tuple[oscbridge.Argument, ...]]:
        """The next message that the device receives."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            packet = oscbridge.decode_packet(await loop.sock_recv(self.device, 65_535))
        assert isinstance(packet, oscbridge.Message)
        return packet.address, packet.args

    async def close(self) -> None:
        await self._stack.aclose()


StartQueryBridge = Callable[..., Awaitable[QueryBridge]]
