"""A device on a pseudo-terminal, for ``oscbridge plugins check serial``."""

from __future__ import annotations

import asyncio
import os
import tempfile
import uuid
from pathlib import Path

import oscbridge
from oscbridge.testing.conformance import Peer, PeerMissing
from oscbridge_serial.codec import SlipCodec

__all__ = ["PseudoTerminalPeer"]


class PseudoTerminalPeer(Peer):
    """Speaks OSC over SLIP. The port disappears when it is killed, as when it is unplugged."""

    message = oscbridge.Message.of("/led/1", 1)

    def __init__(self) -> None:
        self._path = Path(tempfile.gettempdir(), f"oscbridge-serial-{uuid.uuid4().hex}")
        self._device = self._port = -1
        self._data = b""
        self._packet = SlipCodec(4096).encode(self.message, None, {})

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"device": str(self._path)}

    @property
    def received(self) -> int:
        return self._data.count(self._packet)

    async def start(self) -> None:
        if not hasattr(os, "openpty"):
            raise PeerMissing("this system has no pseudo-terminals")
        self._device, self._port = os.openpty()
        os.set_blocking(self._device, False)
        self._path.symlink_to(os.ttyname(self._port))
        asyncio.get_running_loop().add_reader(self._device, self._read)

    def _read(self) -> None:
        self._data += os.read(self._device, 4096)

    async def say(self) -> bool:
        os.write(self._device, self._packet)
        return True

    async def kill(self) -> None:
        if self._device < 0:
            return
        asyncio.get_running_loop().remove_reader(self._device)
        self._path.unlink()
        for fd in (self._device, self._port):
            os.close(fd)
        self._device = self._port = -1
