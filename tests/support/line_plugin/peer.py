"""A server of lines of text."""

from __future__ import annotations

import asyncio

from oscbridge.testing import free_port
from oscbridge.testing.conformance import Peer

__all__ = ["LinePeer"]


class LinePeer(Peer):
    """Counts the lines that it receives."""

    def __init__(self) -> None:
        self._port = free_port()
        self._received = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def options(self) -> dict[str, str]:
        return {"to": f"127.0.0.1:{self._port}"}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await reader.readline():
                self._received += 1
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def say(self) -> bool:
        for writer in self._writers:
            writer.write(b"hello\n")
        return True

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)
