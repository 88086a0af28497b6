"""A peer that is a server over TCP."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from oscbridge.testing.conformance.peer import Peer
from oscbridge.testing.ports import free_port

__all__ = ["TCPServerPeer"]

MAX_READ: Final = 65_536
"""Bytes that are read at once."""


class TCPServerPeer(Peer):
    """A server over TCP that counts the messages it receives. To be derived from."""

    greeting: ClassVar[bytes] = b""
    """What :meth:`say` sends to each client; without it, this peer sends nothing."""

    def __init__(self) -> None:
        self.port = free_port()
        """Where it listens, on 127.0.0.1."""
        self._received = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @abstractmethod
    def new_counter(self) -> Callable[[bytes], int]:
        """For one connection, a function that returns how many messages end in its next bytes."""

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        count = self.new_counter()
        try:
            while data := await reader.read(MAX_READ):
                self._received += count(data)
        except OSError:
            pass  # the endpoint has ended the connection
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def say(self) -> bool:
        if self.greeting:
            for writer in self._writers:
                writer.write(self.greeting)
        return bool(self.greeting)

    async def kill(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)  # the sockets are closed in the next turn of the loop
