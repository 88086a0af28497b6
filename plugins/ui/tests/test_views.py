"""The views in a browser, against the real program. Errors and violations of the policy fail."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomProgram
from control_room_views import Open
from page_checks import OFFLINE, overflow, send_some, violations
from playwright.async_api import expect
from ports import free_port

from oscbridge import Message, encode_message

VIEWS = ("", "values", "surface", "record", "log")
TOKENS = '[[token]]\nname = "foh"\nsecret = { env = "FOH" }\n'


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_every_view_is_accessible(
    start: Callable[..., Any], open_page: Open, size: str, scheme: str
) -> None:
    text = f'[endpoint.desk]\ntype = "osc"\nto = "tcp://127.0.0.1:{free_port()}"\n'
    with start(f'{CONFIGURATION}{text}on_start = "retry"\n') as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url, size, scheme)
        await expect(page.get_by_role("heading", name="desk is not connected")).to_be_visible()
        for view in VIEWS:
            await page.goto(program.url + view)
            await expect(page.get_by_role("searchbox")).to_be_visible()
            await expect(page.get_by_text("Connected").first).to_be_visible()
            if view == "values":
                await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
                send_some(program)
                await expect(page.get_by_role("listitem").filter(has_text="fader9")).to_be_visible()
            assert await violations(page) == []
            assert await overflow(page) <= 0


async def test_now_shows_the_flow_and_the_first_steps(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(program.url)
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Nothing has arrived yet")).to_be_visible()
    await page.get_by_role("button", name="Send a test message").click()
    await expect(page.get_by_text("/hello 0.5 has arrived at stage.")).to_be_visible()
    await page.get_by_role("button", name="faders").click()
    details = page.get_by_role("complementary", name="Details of faders")
    await expect(details).to_contain_text("/1/fader{n}")
    send_some(program)
    await expect(details).to_contain_text("Taken3")


async def test_route_is_muted_and_unmuted(program: ControlRoomProgram, open_page: Open) -> None:
    page = await open_page(program.url)
    await page.get_by_role("button", name="faders").click()
    details = page.get_by_role("complementary", name="Details of faders")
    await details.get_by_role("button", name="Mute").click()
    await expect(details.get_by_role("button", name="Unmute")).to_be_visible()
    await details.get_by_role("button", name="Unmute").click()
    await expect(details.get_by_role("button", name="Mute", exact=True)).to_be_visible()


async def test_values_have_the_display_of_their_type(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    send_some(program)
    rows = page.get_by_role("list").get_by_role("listitem")
    await expect(page.locator(".v .nm")).to_have_text(
        [
            *("/1/fader1", "/1/fader9", "/1/fader10", "/at"),
            *("/blob", "/ch/1/level", "/ch/9/level", "/ch/10/level"),
            *("/colour", "/go", "/name", "/note", "/toggle", "/xy"),
        ]
    )
    for address, shown in (
        *(("/1/fader1", "0.250"), ("/toggle", "true"), ("/name", "“Ariel”")),
        *(("/colour", "#E0A458"), ("/blob", "01 ff"), ("/xy", "0.250, 0.500"), ("/go", "trigger")),
        *(("/note", "note C4 · 100 · ch 1"), ("/at", "immediately")),
    ):
        row = rows.filter(has=page.get_by_title(address, exact=True))
        await expect(row.locator(".val")).to_have_text(shown)
    await page.keyboard.press("/")
    await page.keyboard.type("ariel")
    await expect(page.locator(".v .nm")).to_have_text(["/name"])
    await page.keyboard.press("Escape")
    await page.get_by_role("navigation", name="Tree").get_by_role("button", name="/ch").click()
    await expect(page.locator(".v .nm")).to_have_text(
        ["/ch/1/level", "/ch/9/level", "/ch/10/level"]
    )


async def test_age_of_a_value_grows_without_a_message(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(encode_message(Message.of("/name", "Ariel")))
    await expect(page.locator(".v .age")).to_have_text(re.compile(r"^\d+ s$"))


async def test_hostile_text_is_shown_as_text(program: ControlRoomProgram, open_page: Open) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    hostile = '/<img src=x onerror="document.title=1">'
    program.send(encode_message(Message.of(hostile, "<script>document.title=1</script>")))
    await expect(page.locator(".v .nm")).to_have_text(hostile)
    await expect(page.locator(".v .val")).to_have_text("“<script>document.title=1</script>”")
    assert await page.title() == "Values · oscbridge"


async def test_text_from_the_network_stays_text_in_the_log(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}log")
    await expect(page.get_by_text("The log is empty.")).to_be_visible()
    hostile = '<img src=x onerror="document.title=1">'
    reader, writer = await asyncio.open_connection("127.0.0.1", program.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: {hostile}\r\nConnection: close\r\n\r\n".encode())
    assert b" 421 " in await reader.readline()
    writer.close()
    log = page.get_by_role("log")
    await expect(log).to_contain_text(f"to host '{hostile}'")
    await expect(log.locator("img")).to_have_count(0)
    assert await page.title() == "Log · oscbridge"


async def test_log_is_filtered_and_downloaded(program: ControlRoomProgram, open_page: Open) -> None:
    page = await open_page(program.url)
    await page.get_by_role("button", name="faders").click()
    await page.get_by_role("button", name="Mute").click()
    await page.get_by_role("link", name="Log").first.click()
    await expect(page.get_by_role("log")).to_contain_text("route fadersmuted")
    program.send(b"not OSC at all")
    events = page.get_by_role("log").get_by_role("listitem")
    await expect(events).to_have_count(2)
    await page.get_by_role("button", name="Warnings").click()
    await expect(events).to_have_count(1)
    await expect(events).to_contain_text("bridge.stage")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download").click()
    text = Path(await (await download.value).path()).read_text()
    assert "bridge.stage" in text
    assert "muted" not in text
    await page.get_by_role("searchbox").fill("nothing like this")
    await expect(page.get_by_text("No event matches.")).to_be_visible()


async def test_page_survives_a_restart_and_says_when_it_is_disconnected(
    start: Callable[..., Any], open_page: Open
) -> None:
    text = CONFIGURATION.replace('"127.0.0.1:0"', f'"127.0.0.1:{free_port()}"', 1)
    with start(text) as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url, tolerate=OFFLINE)
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
        await page.evaluate("window.isSamePage = true")
        await page.get_by_role("button", name="faders").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Not connected to the bridge.")
    await expect(page.get_by_role("heading", name="How it was at")).to_be_visible()
    await expect(page.get_by_role("button", name="Mute")).to_be_disabled()
    with start(text):
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible(
            timeout=15_000
        )
        await expect(alert).to_have_count(0)
        await expect(page.get_by_role("button", name="Mute")).to_be_enabled()
        assert await page.evaluate("window.isSamePage")


async def test_token_comes_from_the_address_or_is_asked_for(
    start: Callable[..., Any], open_page: Open
) -> None:
    with start(CONFIGURATION + TOKENS, env={"FOH": "foh-secret-1234"}) as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url)
        await expect(page.get_by_role("heading", name="asks for a token")).to_be_visible()
        assert await violations(page) == []
        await page.get_by_label("Token").fill("a wrong one")
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_role("alert")).to_have_text("Wrong token.")
        await page.get_by_label("Token").fill("foh-secret-1234")
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
        await page.get_by_role("button", name="faders").click()
        await expect(page.get_by_role("button", name="Mute")).to_be_disabled()
        await expect(page.get_by_text("Muting needs a token")).to_be_visible()

        other = await open_page(f"{program.url}#token=foh-secret-1234")
        await expect(other.get_by_role("heading", name="Everything is running.")).to_be_visible()
        assert "token" not in other.url
        assert json.loads(await other.evaluate("JSON.stringify(document.cookie)")) == ""


async def test_held_list_and_plot_stand_still_and_count_what_passes(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values")
    row = page.get_by_role("button", name="/1/fader1", exact=True)
    while not await row.count():
        program.send(encode_message(Message.of("/1/fader1", 0.25)))
        await page.wait_for_timeout(100)
    await page.get_by_role("checkbox", name="Plot /1/fader1").click()
    now = page.locator(".stats td").first
    await expect(now).to_have_text("0.250")
    await page.get_by_role("button", name="Hold").click()
    for _ in range(3):
        program.send(encode_message(Message.of("/1/fader1", 0.75)))
    await expect(page.get_by_text(re.compile(r"^\d+ messages since$"))).to_be_visible()
    await expect(now).to_have_text("–")
    await expect(page.get_by_role("listitem").filter(has=row)).to_contain_text("0.250")
    await page.get_by_role("button", name="Resume").click()
    await expect(now).to_have_text("0.750")


async def test_end_of_a_long_address_is_not_cut(
    program: ControlRoomProgram, open_page: Open
) -> None:
    """It is what tells an address from those beside it."""
    page = await open_page(f"{program.url}values")
    address = "/theatre/stage-left/rack-11/fader12"
    leaf = page.locator(".leaf").filter(has_text="fader12")
    while not await leaf.count():
        program.send(encode_message(Message.of(address, 0.25)))
        await page.wait_for_timeout(100)
    row = page.get_by_role("button", name=address, exact=True)
    assert await row.evaluate("row => row.scrollWidth <= row.clientWidth")
    for part, is_cut in ((".path", True), (".leaf", False)):
        found = await row.locator(part).evaluate("part => part.scrollWidth > part.clientWidth")
        assert found == is_cut, part
