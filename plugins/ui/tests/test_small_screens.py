"""The page on a small phone, upright and on its side, and without a pointer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from control_room import ControlRoomProgram
from page_checks import overflow
from playwright.async_api import Page, expect

Open = Callable[..., Awaitable[Page]]

CLEAR = """() => {
    const at = document.activeElement.getBoundingClientRect();
    const bar = document.querySelector(".top").getBoundingClientRect();
    const tabs = document.querySelector(".tabs").getBoundingClientRect();
    const inBars = document.activeElement.closest(".top, .tabs, .skip");
    return inBars || (at.top >= bar.bottom && at.bottom <= tabs.top);
}"""
"""Whether the element with the focus is under none of the bars."""


async def test_element_with_the_focus_is_under_no_bar(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}devices", "phone")
    await page.set_viewport_size({"width": 360, "height": 640})
    await expect(page.get_by_role("heading", name="Known devices")).to_be_visible()
    await page.get_by_role("button", name="Options").first.focus()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(15):
            await page.keyboard.press(key)
            await page.wait_for_function(CLEAR)  # devices that are found move it meanwhile


@pytest.mark.parametrize("close", ["key", "tap"])
async def test_further_views_close_by_escape_and_by_a_tap_elsewhere(
    program: ControlRoomProgram, open_page: Open, close: str
) -> None:
    page = await open_page(program.url, "phone")
    more = page.get_by_role("button", name="More")
    await more.focus()
    await page.keyboard.press("Enter")
    log = page.get_by_role("navigation").get_by_role("link", name="Log")
    await expect(log).to_be_visible()
    if close == "key":
        await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")
        await expect(more).to_be_focused()
    else:
        await page.get_by_role("heading", level=1).tap()
    await expect(log).to_have_count(0)
    await expect(more).to_have_attribute("aria-expanded", "false")


async def test_bar_scrolls_away_where_the_screen_is_low(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}devices", "phone")
    await page.set_viewport_size({"width": 640, "height": 360})
    await expect(page.get_by_role("heading", name="Known devices")).to_be_visible()
    await page.get_by_role("heading", name="Known devices").scroll_into_view_if_needed()
    await expect(page.get_by_role("searchbox")).not_to_be_in_viewport()
    assert await overflow(page) <= 0
