"""Endpoints for tests, and a running system with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from oscbridge import Endpoint, Message
from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import RecordingEndpoint
from oscbridge.udp_client import UDPClient


class Collect(RecordingEndpoint):
    """Records its messages."""

    async def send(self, message: Message) -> None:
        await RecordingEndpoint.send_batch(self, (message,))

    send_batch = Endpoint.send_batch  # type: ignore[assignment]


class SourceOnly(Endpoint):
    """A source only."""


TYPES: dict[str, type[Endpoint]] = {
    "collect": Collect,
    "batch": RecordingEndpoint,
    "source": SourceOnly,
}


@pytest.fixture
def types() -> dict[str, type[Endpoint]]:
    """The endpoint types for configurations of tests; a test may add its own."""
    return dict(TYPES)


@pytest.fixture
def make_app(types: dict[str, type[Endpoint]]) -> Callable[..., App]:
    """Makes a system from TOML, with the given plugins only."""

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
