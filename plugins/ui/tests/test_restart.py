"""A page that stays open while the bridge stops, and starts again."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomProgram
from page_checks import violations
from playwright.async_api import Locator, Page, WebSocketRoute, expect
from ports import free_port

from oscbridge import Message, encode_message

OFFLINE = "WebSocket connection to"
"""What the browser logs about a bridge that does not run."""

WAIT = 20_000
"""Milliseconds until the page is connected again."""

Open = Callable[..., Awaitable[Page]]
Start = Callable[..., Any]


@pytest.fixture
def text() -> str:
    """A configuration with a port that stays the same."""
    return CONFIGURATION.replace('"127.0.0.1:0"', f'"127.0.0.1:{free_port()}"', 1)


async def expect_away(page: Page) -> None:
    await expect(page.get_by_role("alert")).to_contain_text("Not connected to the bridge.")


async def test_values_of_a_bridge_that_is_away_do_not_look_live(
    start: Start, open_page: Open, text: str
) -> None:
    with start(text) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}values", tolerate=OFFLINE)
        await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
        program.send(encode_message(Message.of("/1/fader1", 0.25)))
        await page.get_by_role("checkbox", name="Plot /1/fader1").click()
        await page.get_by_role("button", name="/1/fader1", exact=True).click()
        fader = page.get_by_role("slider", name="Value of /1/fader1")
        await expect(fader).to_have_attribute("aria-valuenow", "0.25")
        await page.evaluate("window.isSamePage = true")
    await expect_away(page)
    line = page.get_by_role("listitem").filter(has=page.get_by_title("/1/fader1", exact=True))
    await expect(line).to_have_class("rowbox stale open")
    await expect(fader).to_have_attribute("aria-disabled", "true")
    await expect(line.locator(".rt1")).to_have_text("–")
    figures = page.get_by_role("region", name="Plot").get_by_role("row").filter(has_text="fader1")
    await expect(figures.get_by_role("cell").first).to_have_text("–")
    await expect(page.get_by_role("button", name="Live")).to_have_count(1)

    with start(text) as process:
        program = ControlRoomProgram(process)
        await expect(page.get_by_role("alert")).to_have_count(0, timeout=WAIT)
        await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
        await expect(page.locator(".v .nm")).to_have_count(0)  # this process knows none
        program.send(encode_message(Message.of("/1/fader1", 0.5)))
        await expect(line.locator(".val")).to_have_text("0.500")
        await expect(fader).to_have_attribute("aria-valuenow", "0.5")
        assert await page.evaluate("window.isSamePage")


async def test_log_goes_on_with_the_events_of_the_new_process(
    start: Start, open_page: Open, text: str
) -> None:
    with start(text) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}log", tolerate=OFFLINE)
        program.send(b"not OSC at all")
        log = page.get_by_role("log")
        await expect(log).to_contain_text("bridge.stage")
    await expect_away(page)
    with start(text) as process:
        await expect(page.get_by_role("alert")).to_have_count(0, timeout=WAIT)
        await expect(page.get_by_text("The log is empty.")).to_be_visible()
        ControlRoomProgram(process).send(b"not OSC at all")
        await expect(log.get_by_role("listitem")).to_have_count(1)


async def test_now_says_nothing_before_the_state_of_the_bridge_has_arrived(
    start: Start, open_page: Open
) -> None:
    held = asyncio.Event()

    def hold_states(page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()

        def forward(frame: str | bytes) -> None:
            if json.loads(frame)["type"] == "now":
                held.set()
            else:
                page_side.send(frame)

        server.on_message(forward)

    with start() as process:
        page = await open_page(ControlRoomProgram(process).url)
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
        await page.route_web_socket("**/*", hold_states)
        await page.reload()
        await asyncio.wait_for(held.wait(), WAIT / 1_000)
        await expect(page.get_by_role("heading", name="Reading the state")).to_be_visible()
        await expect(page.get_by_text("configured")).to_have_count(0)


async def test_now_of_a_bridge_that_is_away_shows_no_rates(
    start: Start, open_page: Open, text: str
) -> None:
    with start(text) as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url, tolerate=OFFLINE)
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
        program.send(encode_message(Message.of("/1/fader1", 0.25)))
        await expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_have_count(0)
    await expect_away(page)
    await expect(page.get_by_role("heading", name="How it was at")).to_be_visible()
    await expect(page.get_by_role("heading", name="Everything is running.")).to_have_count(0)
    parts = page.get_by_role("list", name="Parts")
    await expect(parts.get_by_role("button", name="stage")).not_to_contain_text("/s")
    changed = text.replace('"faders"', '"renamed"')
    with start(changed):
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible(
            timeout=WAIT
        )
        await expect(parts.get_by_role("button", name="renamed")).to_be_visible()
        await expect(parts.get_by_role("button", name="faders")).to_have_count(0)


async def test_every_view_opens_while_the_bridge_is_away(
    start: Start, open_page: Open, text: str
) -> None:
    views = ("Now", "Values", "Routes", "Surface", "Learn", "Devices", "Record", "Log")
    with start(text) as process:
        page = await open_page(ControlRoomProgram(process).url, tolerate=OFFLINE)
        names = "performance.getEntriesByType('resource').map(each => each.name).join(' ')"
        loaded = ""
        while not all(f"/{view}-" in loaded for view in views[1:-1]):
            await asyncio.sleep(0.1)
            loaded = await page.evaluate(names)
    await expect_away(page)
    for view in views:
        await page.get_by_role("link", name=view).first.click()
        await expect(page.get_by_role("heading", name=view, level=1)).to_be_visible()
        await expect(page.get_by_role("main")).to_have_text(re.compile("\\S"))
        assert await violations(page) == [], view
    with start(text):
        await expect(page.get_by_role("alert")).to_have_count(0, timeout=WAIT)
        await page.get_by_role("link", name="Record").first.click()
        await expect(page.get_by_role("heading", name="Recordings")).to_be_visible()


async def test_draft_is_compared_with_the_file_of_the_new_process(
    start: Start, open_page: Open, text: str
) -> None:
    with start(text) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes", tolerate=OFFLINE)
        await expect(page.get_by_role("button", name="New route")).to_be_enabled()
        await page.get_by_role("table").get_by_role("button", name="faders").click()
        form = page.get_by_role("form", name="Edit route faders")
        await form.get_by_role("textbox", name="match").fill("/9/fader{n}")
        await expect(form.get_by_role("button", name="Save and reload")).to_be_enabled()
    await expect_away(page)
    more = '\n[[route]]\nname = "more"\nfrom = "stage"\nmatch = "/more"\nto = "web"\n'
    with start(text.replace("/1/fader", "/2/fader") + more):
        difference = form.get_by_label("What saving changes")
        await expect(difference).to_contain_text('-match = "/2/fader{n}"', timeout=WAIT)
        await expect(difference).to_contain_text('+match = "/9/fader{n}"')
        await expect(page.get_by_text("The file has other routes")).to_have_count(0)
        await expect(form.get_by_text("too old")).to_have_count(0)


async def opened_text(page: Page) -> Locator:
    """The editor of the file as text."""
    await expect(page.get_by_role("button", name="New route")).to_be_enabled()
    await page.get_by_role("button", name="Edit as text").click()
    return page.get_by_role("region", name="Configuration as text")


async def type_at_the_end(page: Page, panel: Locator, text: str) -> None:
    await panel.get_by_role("textbox", name="Text of the configuration file").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type(text)
    await expect(panel.get_by_role("button", name="Save and reload")).to_be_enabled()


MORE = '\n[[route]]\nname = "more"\nfrom = "stage"\nmatch = "/more"\nto = "web"\n'
SECRET = '\n[endpoint.hook]\ntype = "webhook"\nurl = "https://example.org/hook-secret"\n'


async def test_text_draft_keeps_what_others_changed_meanwhile(
    start: Start, open_page: Open, text: str, tmp_path: Path
) -> None:
    with start(text + SECRET) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes", tolerate=OFFLINE)
        panel = await opened_text(page)
        await type_at_the_end(page, panel, "# mine")
    await expect_away(page)
    with start(text.replace("/1/fader", "/2/fader") + MORE + SECRET):
        difference = panel.get_by_label("What saving changes")
        await expect(panel.get_by_text("both changes fit")).to_be_visible(timeout=WAIT)
        await expect(difference).to_contain_text("+# mine")
        await expect(difference).not_to_contain_text("match")
        await panel.get_by_role("button", name="Save and reload").click()
        await expect(page.get_by_text("Saved and reloaded")).to_be_visible()
    written = (tmp_path / "test.toml").read_text()
    assert written == text.replace("/1/fader", "/2/fader") + MORE + SECRET + "# mine\n"


@pytest.mark.parametrize("choice", ["Keep mine", "Take theirs"])
async def test_text_draft_in_conflict_is_compared_and_one_is_chosen(
    start: Start, open_page: Open, text: str, choice: str
) -> None:
    with start(text + SECRET) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes", tolerate=OFFLINE)
        panel = await opened_text(page)
        await type_at_the_end(page, panel, "# mine")
    await expect_away(page)
    with start(text + SECRET + "# theirs"):
        conflict = panel.get_by_role("group", name="Changed elsewhere")
        difference = conflict.get_by_label("What saving changes")
        await expect(difference).to_contain_text("-# theirs", timeout=WAIT)
        await expect(difference).to_contain_text("+# mine")
        await expect(panel.get_by_role("button", name="Save and reload")).to_have_count(0)
        assert await violations(page) == []
        await conflict.get_by_role("button", name=choice).click()
        await expect(conflict).to_have_count(0)
        editor = panel.get_by_role("textbox", name="Text of the configuration file")
        if choice == "Take theirs":
            await expect(editor).to_contain_text("# theirs")
            await expect(panel.get_by_role("button", name="Save and reload")).to_have_count(0)
        else:
            await expect(editor).to_contain_text("# mine")
            await expect(panel.get_by_role("button", name="Save and reload")).to_be_enabled()


@pytest.fixture
async def away(start: Start, open_page: Open, text: str) -> Page:
    """A page that has loaded all views, of a bridge that is away now."""
    with start(text) as process:
        page = await open_page(ControlRoomProgram(process).url, tolerate=OFFLINE)
        names = "performance.getEntriesByType('resource').map(each => each.name).join(' ')"
        loaded = ""
        while not all(f"/{view}-" in loaded for view in ("Learn", "Devices")):
            await asyncio.sleep(0.1)
            loaded = await page.evaluate(names)
    await expect_away(page)
    return page


async def test_devices_opened_while_the_bridge_is_away_have_options_later(
    start: Start, away: Page, text: str
) -> None:
    await away.get_by_role("link", name="Devices").first.click()
    with start(text):
        await expect(away.get_by_role("alert")).to_have_count(0, timeout=WAIT)
        await away.get_by_role("button", name="Options").first.click()
        form = away.get_by_role("form", name="Options of stage")
        await expect(form.get_by_role("textbox", name="listen")).to_be_visible()


async def test_learning_opened_while_the_bridge_is_away_offers_to_save_later(
    start: Start, away: Page, text: str
) -> None:
    await away.get_by_role("link", name="Learn").first.click()
    with start(text) as process:
        await expect(away.get_by_text("Move the control now, then")).to_be_visible(timeout=WAIT)
        moved = (Message.of("/1/fader3", step / 10) for step in range(11))
        ControlRoomProgram(process).send(*map(encode_message, moved))
        await expect(away.get_by_text("Move the target now, then")).to_be_visible()
        await away.get_by_label("Or choose its endpoint").select_option("web")
        await away.get_by_label("Address", exact=True).fill("/level")
        await away.get_by_role("button", name="Use it").click()
        await expect(away.get_by_role("button", name="Save and reload")).to_be_enabled()


async def test_editor_that_cannot_be_loaded_says_so(
    start: Start, open_page: Open, text: str
) -> None:
    failed = "Failed to load resource: net::ERR_FAILED"
    with start(text) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes", tolerate=failed)
        await page.route("**/TextEditor-*.js", lambda route: route.abort())
        await page.get_by_role("button", name="Edit as text").click()
        await expect(page.get_by_text("This editor cannot be loaded.")).to_be_visible()
        await page.unroute("**/TextEditor-*.js")
        await page.get_by_role("button", name="Load the page again").click()
        await opened_text(page)


async def test_options_are_those_of_the_new_process(
    start: Start, open_page: Open, text: str
) -> None:
    with start(text) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}devices", tolerate=OFFLINE)
        await page.get_by_role("button", name="Options").first.click()
        form = page.get_by_role("form", name="Options of stage")
        await expect(form.get_by_role("textbox", name="listen")).to_have_value("udp://127.0.0.1:0")
    await expect_away(page)
    with start(text.replace("udp://127.0.0.1:0", "udp://localhost:0")):
        await expect(form.get_by_role("textbox", name="listen")).to_have_value(
            "udp://localhost:0", timeout=WAIT
        )


async def test_view_that_cannot_be_loaded_says_so_and_appears_later(
    start: Start, open_page: Open, text: str
) -> None:
    failed = "Failed to load resource: net::ERR_FAILED"
    with start(text) as process:
        page = await open_page(ControlRoomProgram(process).url, tolerate=failed)
        await page.route("**/Record-*.js", lambda route: route.abort())
        await page.get_by_role("link", name="Record").first.click()
        await expect(page.get_by_text("This view cannot be loaded.")).to_be_visible()
        await page.unroute("**/Record-*.js")
        await page.get_by_role("button", name="Load the page again").click()
        await expect(page.get_by_role("heading", name="Recordings")).to_be_visible()
