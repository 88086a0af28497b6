"""A peer that is a client of an endpoint that listens."""

from __future__ import annotations

import asyncio
from abc import abstractmethod

from oscbridge.testing.conformance.peer import Peer
from oscbridge.toml_text import TomlTable

__all__ = ["ClientPeer"]


class ClientPeer(Peer):
    """Connects to the endpoint, and counts the messages it receives. To be derived from."""

    def __init__(self) -> None:
        self._received = 0
        self._reading: asyncio.Task[None] | None = None

    @abstractmethod
    async def connect(self, where: str) -> None:
        """Connect to the endpoint; ``where`` is what its ``describe()`` returns."""

    @abstractmethod
    async def read(self) -> None:
        """Call :meth:`count` with the messages of the connection, until its end."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Abort the connection, if there is one."""

    def count(self, messages: int) -> None:
        """Count received messages."""
        self._received += messages

    @property
    def options(self) -> TomlTable:
        return {"listen": "127.0.0.1:0"}

    @property
    def received(self) -> int:
        return self._received

    async def start(self) -> None:
        """Nothing listens."""

    async def join(self, where: str) -> None:
        await self.kill()
        await self.connect(where)
        self._reading = asyncio.create_task(self.read())

    async def kill(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        await self.disconnect()
