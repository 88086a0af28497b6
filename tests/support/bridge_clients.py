"""Clients of a bridge over UDP and TCP, which record what the bridge sends them."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from oscbridge import Message, encode_message
from oscbridge.osc import decode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.testing import RunningBridge, until

__all__ = ["END", "WAIT", "TCPClient", "UDPClient", "client_count", "joined", "tcp_clients",
           "udp_clients"]  # fmt: skip

WAIT = 10.0
"""Seconds to wait for a message or a state."""

END = "/end"
"""The address of a message that ends a test."""


class _RecordingClient(ABC):
    """A client of the bridge ``stage``."""

    @abstractmethod
    async def heard(self) -> Message:
        """The next message."""

    async def heard_until(self, end: str) -> list[str]:
        """The addresses of all messages before the one to ``end``."""
        found: list[str] = []
        while (message := await self.heard()).address != end:
            found.append(message.address)
        return found


class UDPClient(_RecordingClient):
    """Sends and receives on one socket."""

    def __init__(self, bridge: RunningBridge, port: int = 0, name: str = "stage") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(("127.0.0.1", port))
        self.port = self.sock.getsockname()[1]
        self.bridge = ("127.0.0.1", bridge.url(name).port)
        self.sender: tuple[str, int] | None = None
        """Where the last message came from."""

    def send(self, address: str, *args: object) -> None:
        self.sock.sendto(encode_message(Message.of(address, *args)), self.bridge)  # type: ignore[arg-type]

    async def heard(self) -> Message:
        return decode_message(await self.packet())

    async def packet(self) -> bytes:
        """The next packet."""
        async with asyncio.timeout(WAIT):
            data, self.sender = await asyncio.get_running_loop().sock_recvfrom(self.sock, 65_536)
        return data


class TCPClient(_RecordingClient):
    """Sends and receives on one connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, framing: str
    ) -> None:
        self.reader = reader
        self.writer = writer
        self._encode = stream_encoder(framing)
        self._framing = stream_decoder(framing)
        self._packets: list[bytes] = []

    def send(self, address: str, *args: object) -> None:
        packet = encode_message(Message.of(address, *args))  # type: ignore[arg-type]
        self.writer.write(self._encode(packet))

    async def heard(self) -> Message:
        return decode_message(await self.packet())

    async def packet(self) -> bytes:
        """The next packet."""
        async with asyncio.timeout(WAIT):
            while not self._packets:
                data = await self.reader.read(65_536)
                assert data, "the bridge closed the connection"
                self._packets += self._framing.feed(data)
        return self._packets.pop(0)


@contextmanager
def udp_clients(bridge: RunningBridge, count: int) -> Iterator[list[UDPClient]]:
    made = [UDPClient(bridge) for _ in range(count)]
    try:
        yield made
    finally:
        for each in made:
            each.sock.close()


@asynccontextmanager
async def tcp_clients(
    bridge: RunningBridge, framings: Sequence[str]
) -> AsyncIterator[list[TCPClient]]:
    port = bridge.url("stage").port
    made = [
        TCPClient(*await asyncio.open_connection("127.0.0.1", port), framing)
        for framing in framings
    ]
    try:
        yield made
    finally:
        for each in made:
            each.writer.close()


def client_count(bridge: RunningBridge) -> int:
    """The clients of the bridge ``stage`` now."""
    return bridge.endpoint_status("stage").clients or 0


async def joined(bridge: RunningBridge, *members: UDPClient) -> None:
    """Let clients become known, one after another."""
    for each in members:
        before = client_count(bridge)
        each.send("/hello")
        await until(lambda before=before: client_count(bridge) > before, WAIT)
