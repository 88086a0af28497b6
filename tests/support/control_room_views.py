"""For tests of the views of the control room: a browser's pages, and messages of a client."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from playwright.async_api import Page

__all__ = ["Open", "receive"]

Open: TypeAlias = Callable[..., Awaitable[Page]]
"""Opens a page: see the fixture ``open_page``."""


async def receive(client: Any, address: str) -> list[Any]:
    """The arguments of the next message with an address, of a client of ``websocket``."""
    while True:
        packet = json.loads(await client.recv())
        if packet["address"] == address:
            return [each["value"] for each in packet["args"]]
