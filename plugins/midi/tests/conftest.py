"""A running bridge, MIDI over TCP as mido uses it, and a JACK server with programs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

import oscbridge
from oscbridge.testing import (
    EndpointStatus,
    RunningBridge,
    running_bridge,
    until,
    what_does_not_add_up,
)
from oscbridge_midi.endpoint import MidiEndpoint
from oscbridge_midi.endpoint_connections import EndpointConnections

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


class MidiBridge:
    """A running bridge from UDP to MIDI, and from MIDI back to UDP."""

    def __init__(self, bridge: RunningBridge, output: socket.socket) -> None:
        self._bridge = bridge
        self._output = output
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        url = bridge.url("osc")
        self._udp.connect((url.host, url.port))
        self.received = bridge.received("synth")
        """All messages received from MIDI, whatever the routes are."""

    @property
    def endpoint(self) -> MidiEndpoint:
        return self.midi("synth")

    def midi(self, name: str) -> MidiEndpoint:
        """A MIDI endpoint of the configuration."""
        endpoint = self._bridge.endpoint(name)
        assert isinstance(endpoint, MidiEndpoint)
        return endpoint

    @property
    def connections(self) -> EndpointConnections:
        """The open connections, for what no loop turn may come between."""
        return self.endpoint._connections

    @property
    def status(self) -> EndpointStatus:
        return self._bridge.endpoint_status("synth")

    @property
    def port(self) -> int:
        return self.port_of("synth")

    def port_of(self, name: str) -> int:
        """The port where a MIDI endpoint listens."""
        return int(self.midi(name).describe().rpartition(":")[2])

    @property
    def drops(self) -> Counter[str]:
        return Counter(self.status.dropped)

    @property
    def client_drops(self) -> Counter[str]:
        return Counter(self.status.client_dropped)

    @property
    def wrong_counts(self) -> list[str]:
        """The counters that do not add up."""
        return what_does_not_add_up(self._bridge.status())

    @property
    def bad(self) -> Counter[str]:
        """Bad input from MIDI, by reason."""
        return Counter(self.status.received.bad)

    def url(self, name: str) -> oscbridge.OSCURL:
        """The address of a bridge of the configuration."""
        return self._bridge.url(name)

    def send(self, address: str, *args: oscbridge.Argument, types: str | None = None) -> None:
        message = oscbridge.Message.of(address, *args, types=types)
        self._udp.send(oscbridge.encode_message(message))

    async def reload(self, endpoint: str, route: str = "") -> None:
        """Reload with another configuration."""
        out = self._output.getsockname()[1]
        await self._bridge.reload(CONFIGURATION.format(endpoint=endpoint, route=route, port=out))

    async def stop(self) -> None:
        await self._bridge.stop()

    def close(self) -> None:
        self._udp.close()

    async def receive(self) -> oscbridge.Message:
        """The next message received from MIDI."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT):
            data = await loop.sock_recv(self._output, 65_536)
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


Start = Callable[..., Awaitable[MidiBridge]]
Connect = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts a bridge; ``endpoint`` and ``route`` are lines of TOML."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            endpoint: str = 'listen = "127.0.0.1:0"',
            route: str = "",
            configuration: str = CONFIGURATION,
        ) -> MidiBridge:
            output = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            output.bind(("127.0.0.1", 0))
            output.setblocking(False)
            port = output.getsockname()[1]
            text = configuration.format(endpoint=endpoint, route=route, port=port)
            running = await stack.enter_async_context(running_bridge(text, record=["synth"]))
            bridge = MidiBridge(running, output)
            stack.callback(bridge.close)
            return bridge

        yield start


@pytest.fixture
async def join() -> AsyncIterator[Connect]:
    """Connects to an endpoint that listens; ``waits`` until it has accepted."""
    wires: list[Wire] = []

    async def join(bridge: MidiBridge, name: str = "synth", *, waits: bool = True) -> Wire:
        loop = asyncio.get_running_loop()
        endpoint = bridge.midi(name)
        before = endpoint.client_count
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", bridge.port_of(name)))
        wires.append(Wire(sock))
        if waits:
            await until(lambda: endpoint.client_count > before)
        return wires[-1]

    yield join
    for wire in wires:
        wire.sock.close()
