"""Checks of pages in a browser, and messages that they show."""

from __future__ import annotations

from axe import violations
from control_room import ControlRoomProgram
from playwright.async_api import Page

from oscbridge import MIDI, Color, Message, TimeTag, encode_message

__all__ = ["OFFLINE", "overflow", "send_some", "violations"]

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


async def overflow(page: Page) -> int:
    """How many px the page is wider than its window."""
    return int(await page.evaluate("document.documentElement.scrollWidth - innerWidth"))
