"""Nodes for sACN and Art-Net, for ``oscbridge plugins check dmx``."""

from __future__ import annotations

import socket
from abc import abstractmethod

import oscbridge
from oscbridge.testing import free_port
from oscbridge.testing.conformance import Peer
from oscbridge_dmx.artnet_packets import encode_dmx
from oscbridge_dmx.frame import DmxFrame
from oscbridge_dmx.sacn_packets import encode_data

__all__ = ["ArtnetPeer", "SacnPeer"]


class _DmxPeer(Peer):
    """A node that receives what the endpoint sends, and a console that sends to it."""

    message = oscbridge.Message.of("/dmx/1/1", 255)

    def __init__(self) -> None:
        self._port, self._endpoint_port = free_port(), free_port()
        self._sock: socket.socket | None = None
        self._sequence = 0

    @property
    def options(self) -> oscbridge.TomlTable:
        return {
            "to": f"127.0.0.1:{self._port}",
            "receive": [1],
            "port": self._endpoint_port,
            "interface": "127.0.0.1",
        }

    @abstractmethod
    def encode(self, frame: DmxFrame) -> bytes: ...

    async def start(self) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", self._port))
        self._sock.setblocking(False)

    async def say(self) -> bool:
        assert self._sock is not None
        self._sequence += 1
        packet = self.encode(DmxFrame(1, bytes((self._sequence & 0xFF,)), self._sequence & 0xFF))
        self._sock.sendto(packet, ("127.0.0.1", self._endpoint_port))
        return True

    async def kill(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class SacnPeer(_DmxPeer):
    """A node and a console for sACN."""

    def encode(self, frame: DmxFrame) -> bytes:
        return encode_data(frame, bytes(16), "Console")


class ArtnetPeer(_DmxPeer):
    """A node and a console for Art-Net."""

    def encode(self, frame: DmxFrame) -> bytes:
        return encode_dmx(frame)
