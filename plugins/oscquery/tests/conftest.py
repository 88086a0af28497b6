"""A running bridge with an OSCQuery server."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from query_bridge import CONFIGURATION, PROFILE, QueryBridge, StartQueryBridge

from oscbridge.testing import free_port, running_bridge


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartQueryBridge]:
    """Starts a bridge; ``options`` are lines of TOML for its endpoint."""
    (tmp_path / "mixer.toml").write_text(PROFILE)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(options: str = "", configuration: str = CONFIGURATION) -> QueryBridge:
            device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            device.bind(("127.0.0.1", 0))
            stack.callback(device.close)
            device.setblocking(False)
            text = configuration.format(
                options=options, device=device.getsockname()[1], profile=tmp_path / "mixer.toml"
            )
            running = running_bridge(text)
            bridge = QueryBridge(await stack.enter_async_context(running), session, device)
            bridge.text = text
            stack.push_async_callback(bridge.close)
            return bridge

        yield start


@pytest.fixture
async def bridge(start: StartQueryBridge) -> QueryBridge:
    return await start()


@pytest.fixture
def port() -> int:
    return free_port()
