"""Real brokers, a bridge on the test's own loop, and an independent client."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from endpoint_bridge import WAIT, EndpointBridge
from mosquitto_broker import Mosquitto
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from oscbridge.testing import RunningBridge, running_bridge, until
from oscbridge_mqtt.endpoint import MQTTEndpoint

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.mqtt]
type   = "mqtt"
{options}
"""


async def _problem_of(bridge: MQTTBridge) -> str:
    await until(lambda: bridge.status.problem)
    return bridge.status.problem


@pytest.fixture
def problem_of() -> Callable[[MQTTBridge], Awaitable[str]]:
    """Waits for the reason why the endpoint is not connected."""
    return _problem_of


StartBroker = Callable[..., Awaitable[Mosquitto]]


@pytest.fixture
async def start_broker(tmp_path: Path) -> AsyncIterator[StartBroker]:
    """Starts brokers; they allow anonymous clients unless the lines forbid it."""
    brokers: list[Mosquitto] = []

    async def start(*lines: str, websocket: bool = False) -> Mosquitto:
        folder = tmp_path / f"broker{len(brokers)}"
        brokers.append(Mosquitto(folder, *lines, websocket=websocket))
        brokers[-1].start()
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.end()


@pytest.fixture
async def broker(start_broker: StartBroker) -> Mosquitto:
    return await start_broker()


class Seen(NamedTuple):
    """A message as a subscriber receives it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Watcher:
    """Bare paho, on its own thread: subscribes, publishes, and records the messages."""

    def __init__(
        self, port: int, *, version: str = "5", client_id: str = "", expiry: int = 0,
        username: str | None = None, password: str | None = None,
    ) -> None:  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._seen: asyncio.Queue[Seen] = asyncio.Queue()
        self._subscribed = asyncio.Event()
        self.connected = asyncio.Event()
        protocol = MQTTProtocolVersion.MQTTv5 if version == "5" else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol)
        self._client.reconnect_delay_set(1, 1)
        self._client.username, self._client.password = username, password
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._call(self._subscribed.set)
        self._client.on_connect = lambda *_: self._call(self.connected.set)
        properties = None
        if version == "5":
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
        self._client.connect(
            "127.0.0.1", port, clean_start=expiry == 0 if properties else 3, properties=properties
        )
        self._client.loop_start()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *args)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        seen = Seen(message.topic, message.payload, message.qos, message.retain)
        self._call(self._seen.put_nowait, seen)

    async def subscribe(self, topic: str, qos: int = 2) -> None:
        async with asyncio.timeout(WAIT):
            await self.connected.wait()
            self._subscribed.clear()
            self._client.subscribe(topic, qos)
            await self._subscribed.wait()

    def publish(self, topic: str, payload: str | bytes, qos: int = 1, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos, retain)

    async def next(self) -> Seen:
        async with asyncio.timeout(WAIT):
            return await self._seen.get()

    async def get(self, topic: str) -> Seen:
        """The next message of a topic; earlier ones of other topics are skipped."""
        while True:
            seen = await self.next()
            if seen.topic == topic:
                return seen

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


Watch = Callable[..., Awaitable[Watcher]]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Connects clients, subscribed to topics."""
    watchers: list[Watcher] = []

    async def watch(broker: Mosquitto, *topics: str, **options: object) -> Watcher:
        watcher = Watcher(broker.port, **options)  # type: ignore[arg-type]
        watchers.append(watcher)
        for topic in topics:
            await watcher.subscribe(topic)
        return watcher

    yield watch
    for watcher in watchers:
        await asyncio.to_thread(watcher.close)


class MQTTBridge(EndpointBridge):
    """A running bridge: UDP in, the endpoint ``mqtt`` out."""

    def __init__(self, bridge: RunningBridge, head: str) -> None:
        super().__init__(bridge, "mqtt")
        self._head = head

    async def reload(self, routes: str) -> None:
        """Reload with the same configuration and other routes."""
        await self.bridge.reload(self._head + routes)

    @property
    def endpoint(self) -> MQTTEndpoint:
        endpoint = self.bridge.endpoint("mqtt")
        assert isinstance(endpoint, MQTTEndpoint)
        return endpoint


Start = Callable[..., Awaitable[MQTTBridge]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge with an endpoint at a broker; ``options`` are lines of TOML."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            broker: Mosquitto | str, options: str = "", more: str = "", connected: bool = True
        ) -> MQTTBridge:
            url = broker if isinstance(broker, str) else broker.url
            if url:
                options = f'broker = "{url}"\n{options}'
            head = CONFIGURATION.format(options=options)
            running = running_bridge(head + more, record=["mqtt"])
            bridge = MQTTBridge(await stack.enter_async_context(running), head)
            stack.callback(bridge.close)
            if connected:
                await until(lambda: bridge.status.connected)
            return bridge

        yield start


@pytest.fixture
async def listening() -> AsyncIterator[int]:
    """The port of a server that accepts connections and sends nothing."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in writers:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def openssl(*args: object) -> None:
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the certificates of two authorities, a server and a client."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other"):
        openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 60, "-subj", f"/CN={name}",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem",
        )  # fmt: skip
    for name, names in (
        ("server", "DNS:localhost"),
        ("client", "DNS:client"),
    ):
        openssl(
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr",
        )  # fmt: skip
        (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl(
            "x509", "-req", "-days", 60, "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem",
            "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / f"{name}.ext",
            "-out", folder / f"{name}.pem",
        )  # fmt: skip
    yield folder
