"""All views at all sizes of a screen: nothing is wider than the window, the search is there."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from control_room import ControlRoomProgram
from page_checks import overflow, violations
from playwright.async_api import Page, expect
from ports import free_port
from show import ShowTraffic, many_endpoints, theatre

from oscbridge_ui.pages import PAGE_PATHS

Open = Callable[..., Awaitable[Page]]

SIZES = (
    *((360, 640), (390, 844), (568, 320), (768, 1024), (820, 1180)),
    *((1024, 768), (1280, 800), (1920, 1080), (2560, 1440), (3840, 2160)),
)


@contextmanager
def heard_port() -> Iterator[int]:
    """A UDP port of this machine where somebody listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


async def check_sizes(page: Page) -> None:
    """Check the page at every size."""
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await expect(page.get_by_role("searchbox")).to_be_in_viewport()
        assert await overflow(page) <= 0, (width, page.url)


async def test_every_view_fits_every_screen(start: Callable[..., Any], open_page: Open) -> None:
    with heard_port() as desk, start(theatre(desk, free_port())) as process:
        program = ControlRoomProgram(process)
        with ShowTraffic(process):
            page = await open_page(program.url)
            await expect(page.get_by_role("heading", name="house is not connected")).to_be_visible()
            await check_sizes(page)
            await page.set_viewport_size({"width": 1280, "height": 800})
            await page.get_by_role("link", name="Values").first.click()
            for address in ("/1/fader1", "/cue/name", "/light/1/colour", "/toggle/safe", "/xy"):
                await page.get_by_role("searchbox").fill(address)
                await page.get_by_role("button", name=address, exact=True).click()
            await page.get_by_role("searchbox").fill("/1/fader")
            for number in (1, 2, 3):
                name = f"Plot /1/fader{number}"
                await page.get_by_role("checkbox", name=name, exact=True).click()
            await page.get_by_role("searchbox").fill("")
            await check_sizes(page)
            await page.get_by_role("link", name="Log").first.click()
            await expect(page.get_by_role("log")).to_be_visible()
            await check_sizes(page)


@pytest.mark.parametrize("view", sorted({*PAGE_PATHS} - {"/", "/values", "/log"}))
async def test_further_views_fit_every_screen(
    start: Callable[..., Any], open_page: Open, view: str
) -> None:
    with heard_port() as desk, start(theatre(desk, free_port())) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}{view.removeprefix('/')}")
        await expect(page.get_by_role("main")).not_to_be_empty()
        await check_sizes(page)


@pytest.mark.parametrize("count", [2, 60])
async def test_now_shows_few_and_many_endpoints(
    start: Callable[..., Any], open_page: Open, count: int
) -> None:
    with heard_port() as port, start(many_endpoints(count, port)) as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url)
        nodes = page.get_by_role("list", name="Parts").get_by_role("button")
        await expect(nodes).to_have_count(1 + 2 * count)
        await check_sizes(page)
        await page.set_viewport_size({"width": 1280, "height": 800})
        await nodes.filter(has_text=f"rack{count}").click()
        details = page.get_by_role("complementary", name=f"Details of rack{count}")
        await expect(details).to_be_in_viewport()
        await expect(details).to_contain_text(f"udp://127.0.0.1:{port}")
        await page.get_by_role("searchbox").fill("zone-2")
        await expect(page.locator(".node:not(.fade)").first).to_contain_text("zone-2")
        assert await violations(page) == []


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_state_is_accessible(
    start: Callable[..., Any], open_page: Open, size: str, scheme: str
) -> None:
    """With open controls, a plot, a search without a result, a muted route, and a held list."""
    with heard_port() as desk, start(theatre(desk, free_port())) as process:
        program = ControlRoomProgram(process)
        with ShowTraffic(process):
            page = await open_page(program.url, size, scheme)
            await page.get_by_role("button", name="faders").click()
            await page.get_by_role("button", name="Mute").click()
            await expect(page.get_by_role("button", name="Unmute")).to_be_visible()
            assert await violations(page) == []
            await page.goto(f"{program.url}values")
            addresses = ("/1/fader1", "/cue/name", "/light/1/colour", "/toggle/safe", "/xy")
            for address in (*addresses, "/blob", "/cue/go"):
                await page.get_by_role("searchbox").fill(address)
                await page.get_by_role("button", name=address, exact=True).click()
                assert await violations(page) == [], address
            await page.get_by_role("searchbox").fill("/1/fader")
            for number in range(1, 7):
                name = f"Plot /1/fader{number}"
                await page.get_by_role("checkbox", name=name, exact=True).click()
            await page.get_by_role("button", name="Hold").click()
            assert await violations(page) == []
            await page.get_by_role("searchbox").fill("nothing like this")
            assert await violations(page) == []
            await page.goto(f"{program.url}log")
            await page.get_by_role("button", name="Hold").click()
            assert await violations(page) == []
            await page.get_by_role("searchbox").fill("nothing like this")
            await expect(page.get_by_text("No event matches.")).to_be_visible()
            assert await violations(page) == []
