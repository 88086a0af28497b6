"""Real servers, alone and as a cluster; a bridge on the test's own loop; and bare nats-py."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from oscbridge.testing import RunningBridge, running_bridge, until
from oscbridge_nats.conformance import server_program
from oscbridge_nats.endpoint import NATSEndpoint
from tests.support.endpoint_bridge import WAIT, EndpointBridge
from tests.support.nats_cluster import NATSCluster, NATSServer

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.hub]
type = "nats"
{options}
"""


StartServer = Callable[..., Awaitable[NATSServer]]


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers; arguments are lines of their configuration."""
    servers: list[NATSServer] = []

    async def start(*lines: str, program: str = server_program()) -> NATSServer:
        number = len(servers)
        folder = tmp_path / f"server{number}"
        servers.append(NATSServer(folder, *lines, name=f"n{number}", program=program))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
async def server(start_server: StartServer) -> NATSServer:
    """One server with JetStream."""
    return await start_server('jetstream { store_dir: "store" }')


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NATSCluster]:
    """Three nodes with JetStream."""
    with NATSCluster(tmp_path / "cluster") as cluster:
        yield cluster


class Watcher:
    """Bare nats-py: subscribes, publishes, and records the messages."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seen: asyncio.Queue[Msg] = asyncio.Queue()

    @property
    def js(self) -> JetStreamContext:
        return self.client.jetstream()

    async def subscribe(self, subject: str) -> None:
        async def on_message(message: Msg) -> None:
            self.seen.put_nowait(message)

        await self.client.subscribe(subject, cb=on_message)
        for _ in range(2):  # the first PING of nats-py may overtake the subscription
            await self.client.flush()

    async def next(self) -> Msg:
        async with asyncio.timeout(WAIT):
            return await self.seen.get()


Watch = Callable[..., Awaitable[Watcher]]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Connects clients, subscribed to subjects."""
    clients: list[Client] = []

    async def watch(server: NATSServer | NATSCluster, *subjects: str, **options: object) -> Watcher:
        urls = [server.url] if isinstance(server, NATSServer) else server.urls
        clients.append(await nats.connect(urls, **options))  # type: ignore[arg-type]
        watcher = Watcher(clients[-1])
        for subject in subjects:
            await watcher.subscribe(subject)
        return watcher

    yield watch
    for client in clients:
        await client.close()


class NATSBridge(EndpointBridge):
    """A running bridge: UDP in, the endpoint ``hub`` out."""

    def __init__(self, bridge: RunningBridge) -> None:
        super().__init__(bridge, "hub")

    @property
    def endpoint(self) -> NATSEndpoint:
        endpoint = self.bridge.endpoint("hub")
        assert isinstance(endpoint, NATSEndpoint)
        return endpoint

    async def problem(self, text: str) -> str:
        await until(lambda: text in self.status.problem, WAIT)
        return self.status.problem


Start = Callable[..., Awaitable[NATSBridge]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge with an endpoint at a server; ``options`` are lines of TOML."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            servers: NATSServer | NATSCluster | str | Sequence[str],
            options: str = "",
            more: str = "",
            connected: bool = True,
        ) -> NATSBridge:
            match servers:
                case NATSServer():
                    urls = [servers.url]
                case NATSCluster():
                    urls = servers.urls
                case str():
                    urls = [servers]
                case _:
                    urls = list(servers)
            options = f"servers = {urls}\n{options}"
            text = CONFIGURATION.format(options=options) + more
            running = running_bridge(text, record=["hub"])
            bridge = NATSBridge(await stack.enter_async_context(running))
            stack.callback(bridge.close)
            if connected:
                await until(lambda: bridge.status.connected, WAIT)
            return bridge

        yield start
