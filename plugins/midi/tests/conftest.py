"""A running bridge, MIDI over TCP as mido uses it, and a JACK server with programs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

import oscbridge
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.monitoring.status import read_status
from oscbridge.plugins import Plugins
from oscbridge.testing import what_does_not_add_up
from oscbridge_midi import MidiEndpoint

WAIT = 10.0
"""Seconds to wait for an event."""


CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.synth]
type = "midi"
{endpoint}

[endpoint.out]
type = "osc"
to   = "udp://127.0.0.1:{port}"

[[route]]
from = "osc"
to   = "synth"
{route}

[[route]]
from = "synth"
to   = "out"
"""


@dataclass
class MidiBridge:
    """A running bridge from UDP to MIDI, and from MIDI back to UDP."""

    app: App
    output: socket.socket
    udp: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.app.listeners["osc"].address.port))

    @property
    def endpoint(self) -> MidiEndpoint:
        endpoint = self.app.endpoints["synth"].endpoint
        assert isinstance(endpoint, MidiEndpoint)
        return endpoint

    @property
    def port(self) -> int:
        return int(self.endpoint.describe().rpartition(":")[2])

    @property
    def drops(self) -> Counter[str]:
        return self.app.endpoints["synth"].drops

    @property
    def client_drops(self) -> Counter[str]:
        return self.app.endpoints["synth"].client_drops

    @property
    def wrong_counts(self) -> list[str]:
        """The counters that do not add up."""
        return what_does_not_add_up(read_status(self.app))

    @property
    def bad(self) -> Counter[str]:
        """Bad input from MIDI, by reason."""
        return self.app.endpoints["synth"].dispatcher.statistics.bad

    def send(self, address: str, *args: oscbridge.Argument, types: str | None = None) -> None:
        message = oscbridge.Message.of(address, *args, types=types)
        self.udp.send(oscbridge.encode_message(message))

    async def reload(self, endpoint: str, route: str = "") -> None:
        """Reload with another configuration."""
        out = self.output.getsockname()[1]
        text = CONFIGURATION.format(endpoint=endpoint, route=route, port=out)
        await self.app.reload(parse(text, Plugins().endpoint_types, "test"))

    async def receive(self) -> oscbridge.Message:
        """The next message received from MIDI."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            data = await loop.sock_recv(self.output, 65_536)
        packet = oscbridge.decode_packet(data)
        assert isinstance(packet, oscbridge.Message)
        return packet


class Wire:
    """The other end of a TCP connection, as bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.setblocking(False)

    async def read_all(self) -> bytes:
        """Read until the bridge closes or resets the connection."""
        data = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            with contextlib.suppress(ConnectionError):
                while more := await loop.sock_recv(self.sock, 65_536):
                    data += more
        return data

    async def read(self, count: int) -> bytes:
        """Read exactly this number of bytes."""
        data = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            while len(data) < count:
                more = await loop.sock_recv(self.sock, count - len(data))
                assert more, f"the connection ended after {data.hex(' ')}"
                data += more
        return data

    async def rest(self) -> bytes:
        """Read until the connection ends."""
        data = b""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            while more := await loop.sock_recv(self.sock, 65_536):
                data += more
        return data

    async def write(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


async def until(condition: Callable[[], object]) -> None:
    """Poll a condition that has no event."""
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], Awaitable[None]]:
    return until


Start = Callable[..., Awaitable[MidiBridge]]
Connect = Callable[[MidiBridge], Awaitable[Wire]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; ``endpoint`` and ``route`` are lines of TOML."""
    bridges: list[MidiBridge] = []

    async def start(
        endpoint: str = 'listen = "127.0.0.1:0"',
        route: str = "",
        configuration: str = CONFIGURATION,
    ) -> MidiBridge:
        plugins = Plugins()
        output = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        output.bind(("127.0.0.1", 0))
        output.setblocking(False)
        text = configuration.format(endpoint=endpoint, route=route, port=output.getsockname()[1])
        app = App(parse(text, plugins.endpoint_types, "test"), plugins)
        await app.start()
        bridges.append(MidiBridge(app, output))
        return bridges[-1]

    yield start
    for bridge in bridges:
        bridge.udp.close()
        bridge.output.close()
        await bridge.app.stop()


@pytest.fixture
async def join() -> AsyncIterator[Connect]:
    """Connects to a bridge that listens."""
    wires: list[Wire] = []

    async def join(bridge: MidiBridge) -> Wire:
        loop = asyncio.get_running_loop()
        before = bridge.endpoint.client_count
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", bridge.port))
        wires.append(Wire(sock))
        await until(lambda: bridge.endpoint.client_count > before)
        return wires[-1]

    yield join
    for wire in wires:
        wire.sock.close()
