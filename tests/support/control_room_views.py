"""What tests of the views of the control room need of a browser and of a client."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from playwright.async_api import Page

__all__ = ["Open", "receive", "violations"]

AXE = Path(__file__).parents[2] / "plugins/ui/web/node_modules/axe-core/axe.min.js"

Open: TypeAlias = Callable[..., Awaitable[Page]]
"""Opens a page: see the fixture ``open_page``."""


async def violations(page: Page) -> list[str]:
    """What axe finds on the page."""
    assert AXE.is_file(), "run: make test"
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
    ]


async def receive(client: Any, address: str) -> list[Any]:
    """The arguments of the next message with an address, of a client of ``websocket``."""
    while True:
        packet = json.loads(await client.recv())
        if packet["address"] == address:
            return [each["value"] for each in packet["args"]]
