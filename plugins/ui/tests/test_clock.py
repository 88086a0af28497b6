"""Clocks that are set while a page is open: that of the bridge, and that of the page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected
from playwright.async_api import Page, expect

from oscbridge import Message, encode_message
from oscbridge.testing import free_port

HOUR = 3_600

PLUGIN = """\
import time
import oscbridge

_time = time.time


class Clock(oscbridge.Endpoint):
    async def send(self, message):
        seconds = message.args[0]
        time.time = lambda: _time() + seconds


@oscbridge.hookimpl
def oscbridge_endpoints():
    return {"clock": Clock}
"""
"""An endpoint that sets the clock of the program."""

ROUTE = """
[endpoint.clock]
type = "clock"

[[route]]
name  = "set"
from  = "stage"
match = "/clock"
to    = "clock"
"""

JUMP = "(() => { const now = Date.now.bind(Date); Date.now = () => now() + (window.jump ?? 0) })()"
"""A page whose clock can be set."""

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
def program(start: Callable[..., Any], tmp_path: Path) -> Iterator[ControlRoomProgram]:
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    (folder / "clock.py").write_text(PLUGIN)
    with start(f'[run]\nplugins = "{folder}"\n{CONFIGURATION}{ROUTE}') as process:
        yield ControlRoomProgram(process)


async def values_until(
    page: ControlRoomPage, done: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """The next values that are as wanted."""
    async with asyncio.timeout(20):
        while not done(found := await page.next("values")):
            pass
    return found


def row_of(values: dict[str, Any], address: str) -> dict[str, Any] | None:
    return next((each for each in values["rows"] if each["address"] == address), None)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
async def test_values_go_on_when_the_clock_of_the_bridge_is_set(
    program: ControlRoomProgram, seconds: int
) -> None:
    async with connected(program.port) as page:
        await page.next("welcome")
        await page.send(type="watch_values")
        program.send(encode_message(Message.of("/before", 0.5)))
        before = await values_until(page, lambda found: row_of(found, "/before"))
        program.send(encode_message(Message.of("/clock", seconds)))
        await values_until(page, lambda found: row_of(found, "/clock"))
        program.send(encode_message(Message.of("/after", 0.5)))
        after = await values_until(page, lambda found: row_of(found, "/after"))
        assert abs(after["time"] - before["time"]) < 60
        assert (after["live"], after["stale"]) == (3, 0)


async def test_ages_stay_when_the_clock_of_the_page_is_set(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page("about:blank")
    await page.add_init_script(JUMP)
    await page.goto(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(encode_message(Message.of("/quiet", 0.5)))
    await page.get_by_role("checkbox", name="Plot /quiet").click()
    line = page.get_by_role("listitem").filter(has=page.get_by_title("/quiet", exact=True))
    await page.evaluate(f"window.jump = {-HOUR * 1_000}")
    figures = page.get_by_role("region", name="Plot").get_by_role("row").filter(has_text="quiet")
    await expect(line.locator(".age")).to_have_text("3 s")
    program.send(encode_message(Message.of("/quiet", 0.75)))
    await expect(figures.get_by_role("cell").nth(2)).to_have_text("0.750")  # the highest
    await page.evaluate(f"window.jump = {HOUR * 1_000}")
    await expect(line.locator(".age")).to_have_text("3 s")


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
async def test_problem_is_as_old_as_by_the_clock_of_the_bridge(
    start: Callable[..., Any], open_page: Open, seconds: int
) -> None:
    away = f'\n[endpoint.away]\ntype = "mqtt"\nbroker = "mqtt://127.0.0.1:{free_port()}"\n'
    with start(f"{CONFIGURATION}{away}") as process:
        page = await open_page("about:blank")
        await page.add_init_script(f"{JUMP}; window.jump = {seconds * 1_000}")
        await page.goto(ControlRoomProgram(process).url)
        problems = page.get_by_role("region", name="Problems")
        await expect(problems.locator(".aside")).to_have_text(re.compile(r"^for \d+ s$"))
