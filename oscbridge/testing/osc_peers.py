"""OSC devices, for ``oscbridge plugins check osc``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from oscbridge.osc import Message, encode_message
from oscbridge.osc.framing import decoder_for, encoder_for
from oscbridge.testing.conformance import Peer
from oscbridge.testing.ports import free_port
from oscbridge.toml_text import TomlTable

__all__ = ["OSCTCPPeer", "OSCUDPPeer"]

_HELLO = encode_message(Message.of("/hello", 1))


class OSCUDPPeer(Peer, asyncio.DatagramProtocol):
    """A device that counts datagrams."""

    def __init__(self) -> None:
        self._port, self._endpoint_port = free_port(), free_port()
        self._received = 0
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def options(self) -> TomlTable:
        return {
            "to": f"udp://127.0.0.1:{self._port}",
            "listen": f"127.0.0.1:{self._endpoint_port}",
        }

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, ("127.0.0.1", self._port)
        )

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received += 1

    async def say(self) -> bool:
        assert self._transport is not None
        self._transport.sendto(_HELLO, ("127.0.0.1", self._endpoint_port))
        return True

    async def kill(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            await asyncio.sleep(0)  # it closes its socket in the next turn


class OSCTCPPeer(Peer):
    """A device that counts packets over TCP (OSC 1.1)."""

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def options(self) -> TomlTable:
        return {"to": f"tcp://127.0.0.1:{self._port}"}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        framing = decoder_for("1.1")
        try:
            while data := await reader.read(65_536):
                self._received += _count(framing.feed(data))
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def say(self) -> bool:
        for writer in self._writers:
            writer.write(encoder_for("1.1")(_HELLO))
        return True

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)


def _count(packets: Iterable[bytes]) -> int:
    return sum(1 for _ in packets)
