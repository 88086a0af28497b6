"""Bridges with a DMX endpoint, and peers that speak sACN and Art-Net."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from oscbridge.testing import RunningBridge, free_port, running_bridge

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"

[endpoint.lights]
{endpoint}

[endpoint.seen]
type = "recording"

[[route]]
from = "lights"
to   = "seen"
"""

Start = Callable[[str], Awaitable[RunningBridge]]
Reload = Callable[[RunningBridge, str], Awaitable[None]]


def _bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, port))
    sock.setblocking(False)
    return sock


class Node:
    """A socket of a peer, on a port of its own."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.sock = _bound(host, port)
        self.port: int = self.sock.getsockname()[1]

    def reopen(self) -> None:
        """Be there again, on the same port."""
        self.sock = _bound(self.host, self.port)

    async def packet(self, seconds: float = 10.0) -> bytes:
        """The next packet."""
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(self.sock, 2048)

    def waiting(self) -> list[bytes]:
        """The packets that have arrived."""
        packets: list[bytes] = []
        while True:
            try:
                packets.append(self.sock.recv(2048))
            except BlockingIOError:
                return packets

    def send(self, packet: bytes, port: int, host: str = "127.0.0.1") -> None:
        self.sock.sendto(packet, (host, port))


@pytest.fixture
def port() -> int:
    """A free UDP port, for the endpoint."""
    return free_port()


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.sock.close()


@pytest.fixture
def other() -> Iterator[Node]:
    """A second peer."""
    other = Node()
    yield other
    other.sock.close()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a bridge whose endpoint ``lights`` has these lines."""
    async with AsyncExitStack() as bridges:

        async def start(endpoint: str) -> RunningBridge:
            text = CONFIGURATION.format(endpoint=endpoint)
            return await bridges.enter_async_context(running_bridge(text))

        yield start


@pytest.fixture
def reload() -> Reload:
    """Reload such a bridge with other lines."""

    async def reload(bridge: RunningBridge, endpoint: str) -> None:
        await bridge.reload(CONFIGURATION.format(endpoint=endpoint))

    return reload
