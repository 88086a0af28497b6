"""Mosquitto, for ``oscbridge plugins check mqtt``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import oscbridge
from oscbridge.testing import free_port
from oscbridge.testing.conformance import Peer, PeerMissing

__all__ = ["MosquittoPeer"]

START_TIMEOUT: Final = 5.0
"""Seconds for the broker to listen."""

_PUBLISH: Final = 3
"""The type of a packet (MQTT 5.0, section 2.1.2)."""

_CONNECT: Final = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04peer"
_HELLO: Final = b"\x30\x10\x00\x0dexample/hello1"


class MosquittoPeer(Peer):
    """A broker behind a relay, which counts the publications of the endpoint."""

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._broker: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._relay: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._broker_port = free_port()

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"broker": f"mqtt://127.0.0.1:{self._port}", "subscribe": ["example/#"]}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._start_broker()
        async with asyncio.timeout(START_TIMEOUT):
            await self._until_it_listens()
        self._relay = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    def _start_broker(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name, "conf")
        lines = f"listener {self._broker_port} 127.0.0.1", "allow_anonymous true", "user root"
        file.write_text("\n".join([*lines, ""]))
        quiet = subprocess.DEVNULL
        try:
            self._broker = subprocess.Popen(["mosquitto", "-c", file], stdout=quiet, stderr=quiet)
        except FileNotFoundError:
            text = "needs Mosquitto in the PATH as its peer; on Debian: apt install mosquitto"
            raise PeerMissing(text) from None

    async def _until_it_listens(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with socket.socket() as probe:
                probe.setblocking(False)
                try:
                    await loop.sock_connect(probe, ("127.0.0.1", self._broker_port))
                    return
                except OSError:
                    await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            other, onward = await asyncio.open_connection("127.0.0.1", self._broker_port)
            self._writers.add(onward)
            counter = _PublicationCounter()
            relays = (self._pass_on(reader, onward, counter), self._pass_on(other, writer, None))
            await asyncio.gather(*relays)
            self._writers.discard(onward)
        self._writers.discard(writer)

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        counter: _PublicationCounter | None,
    ) -> None:
        try:
            while data := await reader.read(65_536):
                if counter is not None:
                    self._received += counter.feed(data)
                writer.write(data)
        finally:
            writer.transport.abort()

    async def say(self) -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", self._broker_port)
        writer.write(_CONNECT + _HELLO + b"\xe0\x00")
        writer.close()
        return True

    async def kill(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        broker, self._broker = self._broker, None
        if broker is not None:
            broker.kill()
            broker.wait()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()


class _PublicationCounter:
    """Counts the publications of ``example`` in a stream of MQTT packets."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> int:
        """Take bytes of the stream. Returns the publications that they complete."""
        self._data += data
        return sum(
            first >> 4 == _PUBLISH and packet[2:].startswith(b"example")
            for first, packet in self._packets()
        )

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        """The complete packets: the first byte, and the bytes after the length."""
        while True:
            size, end = 0, 1
            for shift, byte in enumerate(self._data[1:5]):
                size |= (byte & 0x7F) << 7 * shift
                end += 1
                if byte < 0x80:
                    break
            else:
                return
            if len(self._data) < end + size:
                return
            packet, first = self._data[end : end + size], self._data[0]
            self._data = self._data[end + size :]
            yield first, packet
