"""An endpoint is notified when the connection that messages arrived on ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from oscbridge import Endpoint, Message, Options, Origin, PeerAware
from oscbridge.bridge.app import App
from oscbridge.tcp_client import TCPClient

Running = Callable[..., AbstractAsyncContextManager[App]]


class Notes(Endpoint, PeerAware):
    """Records messages and disconnected peers, in order."""

    def __init__(self, name: str, options: Options) -> None:
        super().__init__(name, options)
        self.heard: list[object] = []
        self.gone = asyncio.Event()

    async def send(self, message: Message) -> None:
        await asyncio.sleep(0.001)
        self.heard.append((message.address, message.origin))

    def on_peer_disconnected(self, origin: Origin) -> None:
        self.heard.append(origin)
        self.gone.set()


class Faulty(Notes):
    def on_peer_disconnected(self, origin: Origin) -> None:
        super().on_peer_disconnected(origin)
        raise KeyError(origin.source)


TEXT = """
[bridge.in]
listen = "tcp://127.0.0.1:0"
mode = "{mode}"
[bridge.other]
listen = "udp://127.0.0.1:0"
[endpoint.notes]
type = "{type}"
[endpoint.apart]
type = "notes"
[[route]]
from = "in"
to = "notes"
[[route]]
from = "other"
to = "apart"
"""


@pytest.mark.parametrize("mode", ["asyncio", "blocking", "threading", "forking"])
async def test_peer_disconnected_follows_the_messages_of_the_connection(
    mode: str, running: Running, types: dict[str, type[Endpoint]]
) -> None:
    types["notes"] = Notes
    async with running(TEXT.format(mode=mode, type="notes")) as app:
        address = app.listeners["in"].address
        with TCPClient(address.host, address.port) as client:
            for _ in range(20):
                client.send(Message.of("/on"))
        notes = app.endpoints["notes"].endpoint
        assert isinstance(notes, Notes)
        async with asyncio.timeout(10):
            await notes.gone.wait()
        *messages, origin = notes.heard
        assert messages == [("/on", origin)] * 20
        assert origin.source == "in"
        apart = app.endpoints["apart"].endpoint
        assert isinstance(apart, Notes)
        assert apart.heard == []


async def test_failing_peer_disconnected_is_logged_and_the_endpoint_keeps_running(
    running: Running, types: dict[str, type[Endpoint]], caplog: pytest.LogCaptureFixture
) -> None:
    types["notes"], types["failing"] = Notes, Faulty
    async with running(TEXT.format(mode="asyncio", type="failing")) as app:
        address = app.listeners["in"].address
        faulty = app.endpoints["notes"].endpoint
        assert isinstance(faulty, Faulty)
        for _ in range(2):
            faulty.gone.clear()
            with TCPClient(address.host, address.port) as client:
                client.send(Message.of("/on"))
            async with asyncio.timeout(10):
                await faulty.gone.wait()
        assert "on_peer_disconnected failed: KeyError: 'in' (" in caplog.text
        assert app.endpoints["notes"].connected
