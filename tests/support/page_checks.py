"""Checks of pages in a browser, and messages that they show."""

from __future__ import annotations

from pathlib import Path

from control_room import ControlRoomProgram
from playwright.async_api import Page

from oscbridge import MIDI, Color, Message, TimeTag, encode_message

__all__ = ["AXE", "OFFLINE", "overflow", "send_some", "violations"]

AXE = (
    Path(__file__).parents[2]
    / "plugins"
    / "ui"
    / "web"
    / "node_modules"
    / "axe-core"
    / "axe.min.js"
)
OFFLINE = "WebSocket connection to"
"""What the browser logs about a bridge that does not run."""


def send_some(program: ControlRoomProgram) -> None:
    """A message of each kind."""
    messages = [
        Message.of("/1/fader1", 0.25),
        Message.of("/1/fader10", 0.5),
        Message.of("/1/fader9", 0.75),
        Message.of("/toggle", True),
        Message.of("/name", "Ariel"),
        Message("/colour", "r", (Color(0xE0A458FF),)),
        Message.of("/blob", b"\x01\xff"),
        Message.of("/xy", 0.25, 0.5),
        Message.of("/go"),
        Message("/note", "m", (MIDI(0, 0x90, 60, 100),)),
        Message("/at", "t", (TimeTag(1),)),
    ]
    program.send(*map(encode_message, messages))


async def violations(page: Page) -> list[str]:
    """What axe finds on the page."""
    assert AXE.is_file(), "run: make test"
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
    ]


async def overflow(page: Page) -> int:
    """How many px the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))
