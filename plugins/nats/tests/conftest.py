"""Real servers, alone and as a cluster; a bridge on the test's own loop; and bare nats-py."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

import oscbridge
from oscbridge.testing import EndpointStatus, RunningBridge, free_port, running_bridge, until
from oscbridge_nats.conformance import server_program
from oscbridge_nats.endpoint import NATSEndpoint

WAIT = 15.0
"""Seconds to wait for an expected event."""

ELECTION = 40.0
"""Seconds within which the nodes elect a leader, also on a busy machine."""

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.hub]
type = "nats"
{options}
"""


class Server:
    """A nats-server in its own folder. ``lines`` are its configuration."""

    def __init__(
        self, folder: Path, *lines: str, name: str = "n0", program: str = server_program()
    ) -> None:
        self.program = program
        self.folder = folder
        self.name = name
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "nats.conf"
        head = [f"server_name: {name}", f'listen: "127.0.0.1:{self.port}"']
        self._file.write_text("\n".join([*head, *lines]) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def launch(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [self.program, "-c", str(self._file)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    async def start(self) -> None:
        self.launch()
        await self.listens()

    async def listens(self) -> None:
        async with asyncio.timeout(WAIT):
            while True:
                assert self.process is not None and self.process.poll() is None, self.log
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                except OSError:
                    await asyncio.sleep(0.02)

    def end(self, how: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None


StartServer = Callable[..., Awaitable[Server]]


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers; arguments are lines of their configuration."""
    servers: list[Server] = []

    async def start(*lines: str, program: str = server_program()) -> Server:
        number = len(servers)
        folder = tmp_path / f"server{number}"
        servers.append(Server(folder, *lines, name=f"n{number}", program=program))
        await servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.end()


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """One server with JetStream."""
    return await start_server('jetstream { store_dir: "store" }')


class Cluster:
    """Three nodes with JetStream."""

    def __init__(self, folder: Path) -> None:
        routes = [free_port() for _ in range(3)]
        urls = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
        self.nodes = [
            Server(
                folder / f"n{index}",
                f'jetstream {{ store_dir: "{folder}/n{index}/store" }}',
                f'cluster {{ name: stage, listen: "127.0.0.1:{port}", routes: [{urls}] }}',
                name=f"n{index}",
            )
            for index, port in enumerate(routes)
        ]

    @property
    def urls(self) -> Sequence[str]:
        return [node.url for node in self.nodes]

    def node(self, name: str) -> Server:
        return next(node for node in self.nodes if node.name == name)

    async def start(self) -> None:
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            await node.listens()
        client = await nats.connect(list(self.urls))
        try:
            js = client.jetstream(timeout=2)
            async with asyncio.timeout(ELECTION):
                while True:  # until the cluster has elected the leader of JetStream
                    with contextlib.suppress(nats.errors.Error, nats.js.errors.Error):
                        await js.add_stream(name="probe", subjects=["probe"], num_replicas=3)
                        await js.delete_stream("probe")
                        return
                    await asyncio.sleep(0.1)
        finally:
            await client.close()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    cluster = Cluster(tmp_path / "cluster")
    await cluster.start()
    yield cluster
    for node in cluster.nodes:
        node.end()


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

    async def watch(server: Server | Cluster, *subjects: str, **options: object) -> Watcher:
        urls = [server.url] if isinstance(server, Server) else list(server.urls)
        clients.append(await nats.connect(urls, **options))  # type: ignore[arg-type]
        watcher = Watcher(clients[-1])
        for subject in subjects:
            await watcher.subscribe(subject)
        return watcher

    yield watch
    for client in clients:
        await client.close()


class NATSBridge:
    """A running bridge: UDP in, the endpoint ``hub`` out."""

    def __init__(self, bridge: RunningBridge) -> None:
        self.bridge = bridge
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        url = bridge.url("osc")
        self._udp.connect((url.host, url.port))
        self.received = bridge.received("hub")
        """Messages received from the servers."""

    def close(self) -> None:
        self._udp.close()

    @property
    def status(self) -> EndpointStatus:
        return self.bridge.endpoint_status("hub")

    @property
    def endpoint(self) -> NATSEndpoint:
        endpoint = self.bridge.endpoint("hub")
        assert isinstance(endpoint, NATSEndpoint)
        return endpoint

    def send(self, *messages: oscbridge.Message) -> None:
        for message in messages:
            self._udp.send(oscbridge.encode_message(message))

    def offer(self, *messages: oscbridge.Message) -> None:
        """Put messages directly into the send queue."""
        self.bridge.offer("hub", *messages)

    async def next(self) -> oscbridge.Message:
        async with asyncio.timeout(WAIT):
            return await self.received.get()

    async def problem(self, text: str) -> str:
        await until(lambda: text in self.status.problem, WAIT)
        return self.status.problem


Start = Callable[..., Awaitable[NATSBridge]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge with an endpoint at a server; ``options`` are lines of TOML."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            servers: Server | Cluster | str | Sequence[str],
            options: str = "",
            more: str = "",
            connected: bool = True,
        ) -> NATSBridge:
            match servers:
                case Server():
                    urls = [servers.url]
                case Cluster():
                    urls = list(servers.urls)
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
