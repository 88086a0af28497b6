"""OSC devices, for ``oscbridge plugins check osc``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from oscbridge.osc import Message, encode_message
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.testing.conformance import Peer, TCPServerPeer
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


class OSCTCPPeer(TCPServerPeer):
    """A device that counts packets over TCP (OSC 1.1)."""

    greeting = stream_encoder("1.1")(_HELLO)

    @property
    def options(self) -> TomlTable:
        return {"to": f"tcp://127.0.0.1:{self.port}"}

    def new_counter(self) -> Callable[[bytes], int]:
        framing = stream_decoder("1.1")
        return lambda data: sum(1 for _ in framing.feed(data))
