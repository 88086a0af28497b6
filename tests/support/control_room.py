"""The real program with its control room, and pages without a browser."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from oscbridge.testing import OscbridgeProcess

__all__ = [
    "CONFIGURATION",
    "SECRETS",
    "SIZES",
    "SUBPROTOCOL",
    "TOKENS",
    "ControlRoomPage",
    "ControlRoomProgram",
    "connected",
]

SUBPROTOCOL = "oscbridge.ui.1"

CONFIGURATION = """
[http]
listen = "127.0.0.1:0"

[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:0"

[[route]]
name  = "faders"
from  = "stage"
match = "/1/fader{n}"
send  = "/ch/{n}/level {0}"
to    = "web"
"""

TOKENS = """
[[token]]
name   = "foh"
secret = { env = "FOH" }
rights = ["listen", "send", "configure"]

[[token]]
name      = "ariel"
secret    = { env = "ARIEL" }
rights    = ["listen", "send", "configure"]
addresses = ["/band/*"]

[[token]]
name   = "wall"
secret = { env = "WALL" }
rights = ["listen", "send"]
"""
SECRETS = {"FOH": "foh-secret-1234", "ARIEL": "ariel-secret-12", "WALL": "wall-secret-123"}

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


class ControlRoomProgram:
    """The running program."""

    def __init__(self, process: OscbridgeProcess) -> None:
        self.process = process

    @property
    def port(self) -> int:
        return self.process.port("http")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def send(self, *packets: bytes) -> None:
        """Send datagrams to the bridge ``stage``."""
        self.process.send("stage", *packets)


class ControlRoomPage:
    """A page, without a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: object) -> None:
        await self.socket.send(json.dumps(message))

    async def next(self, kind: str) -> dict[str, Any]:
        """The next message of a type; others are skipped."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.recv())
            if message["type"] == kind:
                return message

    async def ask(self, answer: str, **message: object) -> dict[str, Any]:
        """Send a request, and return its answer, a message of the type ``answer``."""
        await self.send(id=1, **message)
        return await self.next(answer)

    async def command(self, **message: object) -> dict[str, Any]:
        await self.send(id=1, **message)
        return await self.next("answer")


@asynccontextmanager
async def connected(port: int, token: str = "", **options: Any) -> AsyncIterator[ControlRoomPage]:
    """A page that has said hello."""
    options.setdefault("subprotocols", [SUBPROTOCOL])
    async with connect(f"ws://127.0.0.1:{port}/ui", max_size=None, **options) as socket:
        page = ControlRoomPage(socket)
        await page.send(type="hello", token=token)
        yield page
