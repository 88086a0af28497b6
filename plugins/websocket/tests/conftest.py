"""A running bridge inside the test's own loop, and clients that connect to it."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
import pytest
from certificates import Certificate, make_certificate
from endpoint_bridge import EndpointBridge
from raw_client import RawClient
from websockets.asyncio.client import ClientConnection, connect

import oscbridge
from oscbridge.testing import RunningBridge, running_bridge
from oscbridge_websocket.endpoint import WebSocketEndpoint

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.web]
type   = "websocket"
listen = "127.0.0.1:0"
{options}
"""


class WebSocketBridge(EndpointBridge):
    """A running bridge from UDP to the endpoint ``web``, and its counters."""

    def __init__(self, bridge: RunningBridge) -> None:
        super().__init__(bridge, "web")

    @property
    def endpoint(self) -> WebSocketEndpoint:
        endpoint = self.bridge.endpoint("web")
        assert isinstance(endpoint, WebSocketEndpoint)
        return endpoint

    @property
    def url(self) -> str:
        return self.endpoint.describe()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def refusals(self) -> int:
        return self.status.refused

    @property
    def clients(self) -> int:
        return len(self.endpoint.clients)

    @property
    def connections(self) -> int:
        """The number of connections, clients or not."""
        return len(self.endpoint.connections)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition that has no event."""
        await self.bridge.until(condition)

    async def update(self, options: str, configuration: str = CONFIGURATION) -> bool:
        """Reload with other options. Returns whether the endpoint kept running."""
        before = self.endpoint
        await self.bridge.reload(configuration.format(options=options))
        return self.endpoint is before


Start = Callable[..., Awaitable[WebSocketBridge]]
Connect = Callable[..., Awaitable[ClientConnection]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; ``options`` are lines of TOML for its endpoint."""
    async with AsyncExitStack() as stack:

        async def start(options: str = "", configuration: str = CONFIGURATION) -> WebSocketBridge:
            running = running_bridge(configuration.format(options=options))
            bridge = WebSocketBridge(await stack.enter_async_context(running))
            stack.callback(bridge.close)
            return bridge

        yield start


@pytest.fixture
async def bridge(start: Start) -> WebSocketBridge:
    return await start()


@pytest.fixture
async def join() -> AsyncIterator[Connect]:
    """Connects a client: binary, or with the subprotocols that it is given."""
    async with AsyncExitStack() as stack:

        async def join(
            bridge: WebSocketBridge,
            *subprotocols: str,
            origin: str | None = None,
            query: str = "",
            headers: Mapping[str, str] | None = None,
            **more: object,
        ) -> ClientConnection:
            return await stack.enter_async_context(
                connect(
                    f"{bridge.url}/?{query}" if query else bridge.url,
                    subprotocols=list(subprotocols) or None,  # type: ignore[arg-type]
                    origin=origin,  # type: ignore[arg-type]
                    additional_headers=headers,
                    compression=None,
                    proxy=None,
                    close_timeout=1,
                    **more,  # type: ignore[arg-type]
                )
            )

        yield join


async def read_messages(client: ClientConnection, count: int = 1) -> list[oscbridge.Message]:
    """The next messages that a binary client receives, bundled or not."""
    found: list[oscbridge.Message] = []
    while len(found) < count:
        frame = await client.recv()
        assert isinstance(frame, bytes)
        packet = oscbridge.decode_packet(frame)
        found += [message._replace(timetag=None) for message in oscbridge.messages(packet)]
    assert len(found) == count
    return found


async def read_json(client: ClientConnection) -> object:
    """The next JSON document that a client receives."""
    frame = await client.recv()
    assert isinstance(frame, str)
    return orjson.loads(frame)


@pytest.fixture
def messages() -> Callable[..., Awaitable[Sequence[oscbridge.Message]]]:
    return read_messages


@pytest.fixture
def document() -> Callable[[ClientConnection], Awaitable[object]]:
    return read_json


@pytest.fixture
async def raw() -> AsyncIterator[Callable[..., Awaitable[RawClient]]]:
    """Opens a TCP connection with a small receive buffer from the address ``source``."""
    clients: list[RawClient] = []

    async def raw(
        bridge: WebSocketBridge,
        source: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        buffer: int = 4096,
    ) -> RawClient:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", bridge.port))
        name = None if tls is None else "127.0.0.1"
        reader, writer = await asyncio.open_connection(
            sock=sock, limit=2048, ssl=tls, server_hostname=name
        )
        clients.append(RawClient(reader, writer))
        return clients[-1]

    yield raw
    for client in clients:
        client.writer.transport.abort()
    await asyncio.sleep(0)  # so that the transports close their sockets


TOKEN = "right-and-secret"


@pytest.fixture
def token(tmp_path: Path) -> str:
    """TOML of the token ``right-and-secret``, after the options of an endpoint."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return f'\n[[token]]\nname = "one"\nsecret = {{ file = "{file}" }}\n'


@pytest.fixture
def tokens(tmp_path: Path) -> Callable[..., str]:
    """Makes TOML of tokens from ``name=options``; the secret is ``NAME-and-secret``."""

    def make(**each: str) -> str:
        text = ""
        for name, options in each.items():
            file = tmp_path / f"{name}.token"
            file.write_text(f"{name}-and-secret")
            text += f'\n[[token]]\nname = "{name}"\nsecret = {{ file = "{file}" }}\n{options}\n'
        return text

    return make


@pytest.fixture
def unharmed(join: Connect) -> Callable[[WebSocketBridge], AbstractAsyncContextManager[None]]:
    """Checks that an attack leaves nothing behind and that a good client still works.

    The attacker's own sockets are counted too, so it must close them. The counts may also be
    lower than before, since garbage of earlier tests may be collected meanwhile.
    """

    @asynccontextmanager
    async def unharmed(
        bridge: WebSocketBridge, *subprotocols: str, **more: object
    ) -> AsyncIterator[None]:
        def count() -> tuple[int, int, int]:
            files = len(list(Path("/proc/self/fd").iterdir()))
            return files, len(asyncio.all_tasks()), bridge.connections

        gc.collect()
        before = count()
        yield
        async with asyncio.timeout(15):
            while any(now > then for now, then in zip(count(), before, strict=True)):
                await asyncio.sleep(0.02)
        sender = await join(bridge, *subprotocols, **more)
        receiver = await join(bridge, *subprotocols, **more)
        # Both are clients once the bridge has sent the pong.
        await (await sender.ping())
        while bridge.clients < 2:
            await asyncio.sleep(0)
        await sender.send(oscbridge.encode_message(oscbridge.Message.of("/probe", 1)))
        assert await read_messages(receiver) == [oscbridge.Message.of("/probe", 1)]

    return unharmed


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "one")


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "two")
