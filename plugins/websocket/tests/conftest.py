"""A running bridge inside the test's own loop, and clients that connect to it."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect

import oscbridge
from oscbridge.bridge.app import App
from oscbridge.bridge.configuration.config import parse
from oscbridge.plugin.manager import Plugins
from oscbridge_websocket import WebSocketEndpoint

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:0"
{options}
"""


@dataclass
class Bridge:
    """A bridge that runs: UDP in, the endpoint ``web`` out, and its counters."""

    app: App
    udp: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.app.listeners["osc"].address.port))

    @property
    def url(self) -> str:
        return self.app.endpoints["web"].endpoint.describe()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def drops(self) -> Counter[str]:
        return self.app.endpoints["web"].drops

    @property
    def bad(self) -> Counter[str]:
        """What clients sent and what was no message, by reason."""
        return self.app.endpoints["web"].dispatcher.statistics.bad

    @property
    def refusals(self) -> int:
        return self.app.endpoints["web"].refusals

    @property
    def clients(self) -> int:
        endpoint = self.app.endpoints["web"].endpoint
        assert isinstance(endpoint, WebSocketEndpoint)
        return len(endpoint._clients)

    def send(self, *messages: oscbridge.Message) -> None:
        """A datagram each; the bridge sees none of them before the test awaits something."""
        for message in messages:
            self.udp.send(oscbridge.encode_message(message))


Start = Callable[..., Awaitable[Bridge]]
Connect = Callable[..., Awaitable[ClientConnection]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; ``options`` are lines of TOML for its endpoint."""
    bridges: list[Bridge] = []

    async def start(options: str = "", configuration: str = CONFIGURATION) -> Bridge:
        plugins = Plugins()
        text = configuration.format(options=options)
        app = App(parse(text, plugins.endpoint_types, "test"), plugins)
        await app.start()
        bridges.append(Bridge(app))
        return bridges[-1]

    yield start
    for bridge in bridges:
        bridge.udp.close()
        await bridge.app.stop()


@pytest.fixture
async def bridge(start: Start) -> Bridge:
    return await start()


@pytest.fixture
async def join() -> AsyncIterator[Connect]:
    """Connects a client: binary, or with the subprotocols that it is given."""
    async with AsyncExitStack() as stack:

        async def join(
            bridge: Bridge, *subprotocols: str, origin: str | None = None, query: str = ""
        ) -> ClientConnection:
            return await stack.enter_async_context(
                connect(
                    f"{bridge.url}/?{query}" if query else bridge.url,
                    subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
                    origin=origin,  # type: ignore[arg-type]
                    compression=None,
                    proxy=None,
                    close_timeout=1,
                )
            )

        yield join


async def read_messages(client: ClientConnection, count: int = 1) -> list[oscbridge.Message]:
    """The next messages that a binary client gets, however they are bundled."""
    found: list[oscbridge.Message] = []
    while len(found) < count:
        frame = await client.recv()
        assert isinstance(frame, bytes)
        packet = oscbridge.decode_packet(frame)
        found += [message._replace(timetag=None) for message in oscbridge.messages(packet)]
    assert len(found) == count
    return found


async def read_json(client: ClientConnection) -> object:
    """The next document that a JSON client gets."""
    frame = await client.recv()
    assert isinstance(frame, str)
    return orjson.loads(frame)


@pytest.fixture
def messages() -> Callable[..., Awaitable[Sequence[oscbridge.Message]]]:
    return read_messages


@pytest.fixture
def document() -> Callable[[ClientConnection], Awaitable[object]]:
    return read_json


class RawClient:
    """A client that does the handshake by hand and reads only when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def request(self, text: str) -> str:
        """Send a request; returns the head of the answer."""
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


@pytest.fixture
async def raw() -> AsyncIterator[Callable[[Bridge], Awaitable[RawClient]]]:
    """Opens a TCP connection with a small receive buffer."""
    clients: list[RawClient] = []

    async def raw(bridge: Bridge) -> RawClient:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", bridge.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=2048)
        clients.append(RawClient(reader, writer))
        return clients[-1]

    yield raw
    for client in clients:
        client.writer.transport.abort()
    await asyncio.sleep(0)  # so that the transports close their sockets
