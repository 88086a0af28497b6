"""The page on a small phone, upright and on its side, and without a pointer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomProgram
from page_checks import overflow
from playwright.async_api import Locator, Page, expect

from oscbridge import Message, encode_message

Open = Callable[..., Awaitable[Page]]

CLEAR = """() => {
    const at = document.activeElement.getBoundingClientRect();
    const bar = document.querySelector(".top").getBoundingClientRect();
    const tabs = document.querySelector(".tabs").getBoundingClientRect();
    const inBars = document.activeElement.closest(".top, .tabs, .skip");
    return inBars || (at.top >= bar.bottom && at.bottom <= tabs.top);
}"""
"""Whether the element with the focus is under none of the bars."""

WHOLE = """() => {
    const control = document.querySelector(".rowbox.open").getBoundingClientRect();
    const tabs = document.querySelector(".tabs").getBoundingClientRect();
    return control.bottom <= tabs.top;
}"""
"""Whether the open control is above the lower bar."""

ABOVE_TABS = """all => {
    const { top } = document.querySelector(".tabs").getBoundingClientRect();
    const shown = all.filter(each => each.getBoundingClientRect().bottom <= top);
    return shown.map(each => each.ariaLabel);
}"""
"""The names of the elements above the lower bar."""


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


async def test_control_opened_at_the_lower_edge_is_shown_whole(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values", "phone")
    await page.set_viewport_size({"width": 360, "height": 740})
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(*(encode_message(Message.of(f"/fader{n:02}", 0.5)) for n in range(30)))
    rows = page.locator(".v .nm")
    await expect(rows.nth(20)).to_be_visible()
    names = await rows.evaluate_all(ABOVE_TABS)
    await page.get_by_role("button", name=names[-1], exact=True).tap()
    fader = page.get_by_role("slider", name=f"Value of {names[-1]}")
    await expect(fader).to_be_visible()
    await page.wait_for_function(WHOLE)


async def test_element_with_the_focus_is_above_the_home_indicator(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}devices", "phone")
    client = await page.context.new_cdp_session(page)
    insets = {"bottom": 34, "bottomMax": 34}
    await client.send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    await expect(page.get_by_role("heading", name="Known devices")).to_be_visible()
    await page.get_by_role("button", name="Options").first.focus()
    for _ in range(25):
        await page.keyboard.press("Tab")
        await page.wait_for_function(CLEAR)


async def test_heads_of_routes_have_one_line(start: Callable[..., Any], open_page: Open) -> None:
    name = "a-long-name-of-a-route-for-the-lights"
    with start(CONFIGURATION.replace('"faders"', f'"{name}"')) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes", "phone")
        await page.set_viewport_size({"width": 360, "height": 740})
        await expect(page.get_by_role("button", name="New route")).to_be_enabled()
        assert await lines_of(page.get_by_role("region", name="Routes").locator("header")) == 1
        await page.get_by_role("table").get_by_role("button", name=name).tap()
        form = page.get_by_role("form", name=f"Edit route {name}")
        await expect(form.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
        assert await lines_of(form.locator("> header")) == 1


async def lines_of(header: Locator) -> int:
    """The lines of a head, each as high as a button."""
    return int(await header.evaluate("each => Math.floor(each.offsetHeight / 44)"))


async def test_address_that_the_surface_does_not_take_is_named_in_plain_words(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values", "phone")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(encode_message(Message.of("/with space", 0.5)))
    await page.get_by_role("button", name="/with space", exact=True).tap()
    await page.get_by_role("button", name="Pin to the surface").tap()
    await page.get_by_role("button", name="Pin", exact=True).tap()
    await expect(page.get_by_role("alert")).to_have_text(
        "The surface takes only addresses without spaces."
    )
