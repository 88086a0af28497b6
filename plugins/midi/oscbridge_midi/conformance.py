"""A client for MIDI over TCP, for ``oscbridge plugins check midi``."""

from __future__ import annotations

import asyncio

import oscbridge
from oscbridge.testing.conformance import Peer
from oscbridge_midi import tcp

__all__ = ["MidiTcpPeer"]

_SENT = bytes((0xB0, 7, 64))


class MidiTcpPeer(Peer):
    """Counts the controllers that it receives."""

    message = oscbridge.Message.of("/control", 1, 7, 64)

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._data = bytearray()

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"listen": "127.0.0.1:0"}

    @property
    def received(self) -> int:
        return self._data.count(_SENT)

    async def start(self) -> None:
        """Nothing listens."""

    async def join(self, where: str) -> None:
        await self.kill()
        reader, self._writer = await asyncio.open_connection(*tcp.parse(where))
        self._reading = asyncio.create_task(self._read(reader, self._writer))

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                self._data += data
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async def say(self) -> bool:
        assert self._writer is not None
        self._writer.write(bytes((0x90, 60, 64)))
        return True

    async def kill(self) -> None:
        writer, self._writer = self._writer, None
        reading, self._reading = self._reading, None
        if writer is not None:
            writer.transport.abort()
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
