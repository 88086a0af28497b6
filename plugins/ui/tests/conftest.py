"""The real program with its control room, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from control_room import CONFIGURATION, SIZES, ControlRoomProgram
from mosquitto_broker import Mosquitto
from playwright.async_api import Browser, Page, async_playwright, expect
from programs import find_program

from oscbridge.testing import running_process

expect.set_options(timeout=30_000)  # a loaded machine imports all plugins in ten seconds


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts the program with a configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        yield lambda text=CONFIGURATION, **more: running_process(text, folder=tmp_path, **more)


@pytest.fixture
def program(start: Callable[..., Any]) -> Iterator[ControlRoomProgram]:
    with start() as process:
        yield ControlRoomProgram(process)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running MQTT broker."""
    mosquitto = Mosquitto(tmp_path / "broker")
    mosquitto.start()
    yield mosquitto
    mosquitto.end()


STOPPED = "Failed to load resource: net::ERR_CONNECTION"
"""What the browser logs if the bridge stops while a page loads its other views ahead. A file that
is missing is another error."""

NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"
"""In the console when another test adds an interface; the page asks again."""


# --- a browser --------------------------------------------------------------------------------


@asynccontextmanager
async def running_browser(*args: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=find_program("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", *args],
        )
        yield found
        await found.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as found:
        yield found


@pytest.fixture
async def mapped_browser() -> AsyncIterator[Browser]:
    """A browser for which every host name is this machine."""
    async with running_browser("--host-resolver-rules=MAP * 127.0.0.1") as found:
        yield found


Open: TypeAlias = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Opens a page; errors on it and violations of its policy fail the test."""
    errors: list[str] = []
    tolerated = [STOPPED, NETWORK_CHANGED]

    async def open_(
        url: str, size: str = "desktop", scheme: str = "dark", *, tolerate: str = ""
    ) -> Page:
        width, height = SIZES[size]
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            has_touch=size == "phone",
            reduced_motion="reduce",
        )
        page = await stack.enter_async_context(await context.new_page())
        if tolerate:
            tolerated.append(tolerate)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda line: line.type in ("error", "warning") and errors.append(line.text),
        )
        await page.goto(url)
        return page

    async with AsyncExitStack() as stack:
        yield open_
    assert [each for each in errors if not any(text in each for text in tolerated)] == []
