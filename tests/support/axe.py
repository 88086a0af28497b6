"""What axe-core finds on a page of the control room."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.async_api import Page

__all__ = ["violations"]

AXE: Final = Path(__file__).parents[2] / "plugins/ui/web/node_modules/axe-core/axe.min.js"


async def violations(page: Page) -> list[str]:
    """The violations."""
    assert AXE.is_file(), "run: make test"
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
    ]
