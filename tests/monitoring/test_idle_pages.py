"""Pages that are gone cost nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from control_room import CONFIGURATION, connected

from oscbridge.bridge.app import App
from oscbridge.bridge.config.config import parse
from oscbridge.monitoring.service import Service
from oscbridge.plugins.manager import Plugins
from oscbridge.testing import until
from oscbridge_ui import value_store

TOPICS = ("watch_now", "watch_log", "watch_values")


@pytest.fixture
async def service(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """The whole process, on the loop of the test."""
    monkeypatch.setenv("OSCBRIDGE_RUNTIME_DIR", str(tmp_path_factory.mktemp("r")))
    monkeypatch.setattr(value_store, "KEPT", 0.1)
    plugins = Plugins()

    def read():  # type: ignore[no-untyped-def]
        return parse(CONFIGURATION, plugins.endpoint_types, "show.toml")

    service = Service(App(read(), plugins), read, "show.toml", sites=plugins.sites)
    await service.start()
    yield service
    await service.stop()


@pytest.mark.parametrize("ending", ["close", "abort"])
async def test_pages_that_are_gone_watch_nothing(service: Service, ending: str) -> None:
    watchers = service.app.watchers
    async with connected(service.http.port) as page:  # the server is loaded
        await page.next("welcome")
    await until(lambda: not watchers.is_watching)
    before = asyncio.all_tasks()
    assert not watchers.is_watching
    for count in (1, 3):
        pages = [connected(service.http.port) for _ in range(count)]
        for each in pages:
            page = await each.__aenter__()
            for topic in TOPICS:
                await page.send(type=topic)
            await page.next("values")
            assert watchers.is_watching
            if ending == "abort":
                page.socket.transport.abort()
        for each in pages:
            await each.__aexit__(None, None, None)
        await until(lambda: not watchers.is_watching)
        await until(lambda: asyncio.all_tasks() <= before)
