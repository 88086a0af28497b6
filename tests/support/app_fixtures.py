"""Endpoints to test with, and a running system made of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from oscbridge import Endpoint, Message, Options
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.plugins import Plugins
from oscbridge.udp_client import UDPClient


class Collect(Endpoint):
    """Keeps what it is sent."""

    def __init__(self, name: str, options: Options) -> None:
        super().__init__(name, options)
        self.messages: list[Message] = []
        self.events: list[str] = []
        self._arrived = asyncio.Event()

    async def connect(self) -> None:
        self.events.append("connect")

    async def close(self) -> None:
        self.events.append("close")

    async def send(self, message: Message) -> None:
        self.messages.append(message)
        self._arrived.set()

    async def arrived(self, count: int) -> list[Message]:
        """What it was sent, once that is ``count`` messages or more."""
        async with asyncio.timeout(10):
            while len(self.messages) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.messages


class CollectBatch(Collect):
    """The same, by the batch."""

    async def send_batch(self, messages: Sequence[Message]) -> None:
        self.messages += messages
        self._arrived.set()


class SourceOnly(Endpoint):
    """Nothing can be sent to it."""


TYPES: dict[str, type[Endpoint]] = {
    "collect": Collect,
    "batch": CollectBatch,
    "source": SourceOnly,
}


@pytest.fixture
def types() -> dict[str, type[Endpoint]]:
    """The endpoint types that a test's configuration may use; a test may add its own."""
    return dict(TYPES)


@pytest.fixture
def make_app(types: dict[str, type[Endpoint]]) -> Callable[..., App]:
    """Makes a system from TOML; no plugin takes part unless one is given."""

    def make(text: str, plugins: Plugins | None = None) -> App:
        return App(parse(text, types, "test.toml"), plugins or Plugins([]))

    return make


@pytest.fixture
def running(make_app: Callable[..., App]) -> Callable[..., object]:
    """The same, running."""

    @asynccontextmanager
    async def run(text: str, plugins: Plugins | None = None) -> AsyncIterator[App]:
        app = make_app(text, plugins)
        await app.start()
        try:
            yield app
        finally:
            await app.stop()

    return run


@pytest.fixture
def send() -> Callable[..., Awaitable[None]]:
    """Sends messages to a bridge over UDP."""

    async def send(app: App, bridge: str, *messages: Message) -> None:
        address = app.listeners[bridge].address
        with UDPClient(address.host, address.port) as client:
            for message in messages:
                client.send(message)

    return send
