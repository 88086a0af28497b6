"""Controls and plots in a browser: by mouse and keyboard, with feedback from a device."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomProgram
from page_checks import send_some, violations
from playwright.async_api import Locator, Page, expect
from ports import free_port
from websockets.asyncio.client import connect

from oscbridge import Message, encode_message

Open = Callable[..., Awaitable[Page]]

PROFILE = """
title = "A desk"

[[group]]
name      = "all"
status    = "seen"
source    = "a desk"
addresses = [
  { address = "/mode", types = "s", choices = ["show", "edit", "off"], description = "Its mode" },
  { address = "/gain", types = "f", range = [-60, 12], unit = "dB" },
  { address = "/step", types = "i", range = [0, 10] },
]
"""
DESK = """
[endpoint.desk]
type    = "osc"
to      = "udp://127.0.0.1:{port}"
profile = "mine"

[[route]]
from = "stage"
to   = "web"
"""


@asynccontextmanager
async def opened(program: ControlRoomProgram, open_page: Open) -> AsyncIterator[Page]:
    """The view Values, once it watches."""
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    yield page


async def open_control(page: Page, address: str) -> Locator:
    """The row of an address, with its control."""
    await page.get_by_role("button", name=address, exact=True).click()
    return page.get_by_role("listitem").filter(has=page.get_by_title(address, exact=True))


async def receive(client: Any, address: str) -> list[Any]:
    """The arguments of the next message with an address."""
    while True:
        packet = json.loads(await client.recv())
        if packet["address"] == address:
            return [each["value"] for each in packet["args"]]


async def test_fader_sends_and_follows_the_device(
    program: ControlRoomProgram, open_page: Open
) -> None:
    web = f"ws://127.0.0.1:{program.process.port('web')}"
    subprotocols: list[Any] = ["osc.json"]
    async with connect(web, subprotocols=subprotocols) as client:
        page = await open_page(f"{program.url}values")
        await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
        program.send(encode_message(Message.of("/1/fader3", 0.25)))
        await page.get_by_role("button", name="/1/fader3", exact=True).click()
        fader = page.get_by_role("slider", name="Value of /1/fader3")
        await expect(fader).to_have_attribute("aria-valuenow", "0.25")
        assert await receive(client, "/ch/3/level") == [0.25]
        await fader.focus()
        await page.keyboard.press("PageUp")
        assert await receive(client, "/ch/3/level") == [pytest.approx(0.35)]
        await page.keyboard.press("Shift+ArrowLeft")
        assert await receive(client, "/ch/3/level") == [pytest.approx(0.349)]
        program.send(encode_message(Message.of("/1/fader3", 0.75)))
        await expect(fader).to_have_attribute("aria-valuenow", "0.75")  # nobody holds it
        await page.get_by_label("Value of /1/fader3, as a number").fill("0.5")
        await page.keyboard.press("Enter")
        await expect(fader).to_have_attribute("aria-valuenow", "0.5")


async def test_touch_does_not_move_a_fader_and_a_drag_moves_it_by_its_way(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(encode_message(Message.of("/a", 0.5)))
    await page.get_by_role("button", name="/a", exact=True).click()
    fader = page.get_by_role("slider")
    await expect(fader).to_have_attribute("aria-valuenow", "0.5")
    box = await fader.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.9, y)
    await page.mouse.down()
    await expect(fader).to_have_attribute("aria-valuenow", "0.5")
    await page.mouse.move(box["x"] + box["width"] * 0.65, y, steps=5)
    await expect(page.locator(".v .n")).to_have_text("0.250")
    program.send(encode_message(Message.of("/a", 1.0)))  # the device disagrees: the cap stays
    await expect(page.locator(".v .n")).to_have_text("1")
    assert float(await fader.get_attribute("aria-valuenow") or 0) == pytest.approx(0.25, abs=0.01)
    await page.mouse.up()


async def test_chosen_values_are_plotted(program: ControlRoomProgram, open_page: Open) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    send_some(program)
    await page.get_by_role("checkbox", name="Plot /1/fader1", exact=True).click()
    await page.get_by_role("checkbox", name="Plot /1/fader9", exact=True).click()
    plot = page.get_by_role("region", name="Plot of the chosen values")
    figures = plot.get_by_role("row").filter(has_text="/1/fader1")
    await expect(figures).to_contain_text("0.250")
    program.send(encode_message(Message.of("/1/fader1", 0.875)))
    await expect(figures.get_by_role("cell").nth(2)).to_have_text("0.875")  # the highest
    await plot.get_by_role("button", name="10 min").click()
    await plot.get_by_role("button", name="Pause").click()
    assert await violations(page) == []
    await plot.get_by_role("button", name="Plot /1/fader1 no longer").click()
    await plot.get_by_role("button", name="Plot /1/fader9 no longer").click()
    await expect(plot).to_have_count(0)


# --- each kind of control -----------------------------------------------------------------------


async def test_controls_send_by_keyboard(program: ControlRoomProgram, open_page: Open) -> None:
    async with opened(program, open_page) as page:
        send_some(program)
        rows = {
            address: await open_control(page, address)
            for address in ("/toggle", "/name", "/go", "/xy", "/colour", "/blob")
        }
        shown = {address: row.locator(".val") for address, row in rows.items()}
        await rows["/toggle"].get_by_role("switch", name="Value of /toggle").press("Space")
        await expect(shown["/toggle"]).to_have_text("false")
        await rows["/toggle"].get_by_role("switch").press("Enter")
        await expect(shown["/toggle"]).to_have_text("true")
        await rows["/name"].get_by_label("Value of /name").fill("Caliban")
        await page.keyboard.press("Enter")
        await expect(shown["/name"]).to_have_text("“Caliban”")
        await rows["/xy"].get_by_role("slider", name="Value of /xy").press("ArrowUp")
        await expect(shown["/xy"]).to_have_text("0.250, 0.510")
        await rows["/xy"].get_by_role("slider").press("Shift+ArrowRight")
        await expect(shown["/xy"]).to_have_text("0.251, 0.510")
        await rows["/colour"].get_by_label("Value of /colour").fill("#102030")
        await expect(shown["/colour"]).to_have_text("#102030")
        await rows["/go"].get_by_role("button", name="Send /go").press("Enter")
        await expect(rows["/blob"]).to_contain_text(",b 01ff")
        await expect(page.get_by_role("alert")).to_have_count(0)
        assert await violations(page) == []
        await rows["/go"].get_by_role("button", name="Send /go").press("Escape")
        await expect(rows["/go"].get_by_role("button", name="Send /go")).to_have_count(0)


@pytest.fixture
def desk(start: Callable[..., Any], tmp_path: Path) -> Any:
    """A program with an endpoint whose profile describes addresses; all goes to ``web``."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(PROFILE)
    text = CONFIGURATION[: CONFIGURATION.index("[[route]]")] + DESK.format(port=free_port())
    with start(text) as process:
        yield ControlRoomProgram(process)


def client_of(program: ControlRoomProgram) -> Any:
    """A WebSocket client of the endpoint ``web``."""
    subprotocols: list[Any] = ["osc.json"]
    return connect(f"ws://127.0.0.1:{program.process.port('web')}", subprotocols=subprotocols)


async def test_description_decides_about_the_control(
    desk: ControlRoomProgram, open_page: Open
) -> None:
    async with client_of(desk) as client, opened(desk, open_page) as page:
        messages = [("/mode", "show"), ("/gain", -6.0), ("/step", 3)]
        desk.send(*(encode_message(Message.of(*each)) for each in messages))
        mode = await open_control(page, "/mode")
        menu = mode.get_by_role("combobox", name="Value of /mode")
        await expect(menu).to_have_value("show")
        await expect(mode).to_contain_text("Its mode")
        await menu.select_option("edit")
        while await receive(client, "/mode") != ["edit"]:
            pass
        desk.send(encode_message(Message.of("/mode", "off")))
        await expect(menu).to_have_value("off")

        gain = await open_control(page, "/gain")
        fader = gain.get_by_role("slider", name="Value of /gain")
        await expect(fader).to_have_attribute("aria-valuemin", "-60")
        await expect(fader).to_have_attribute("aria-valuemax", "12")
        await fader.press("End")
        while await receive(client, "/gain") != [12]:
            pass
        await fader.press("Home")
        while await receive(client, "/gain") != [-60]:
            pass
        await fader.press("ArrowRight")
        while await receive(client, "/gain") != [pytest.approx(-59.28)]:
            pass

        step = (await open_control(page, "/step")).get_by_role("slider")
        await step.press("ArrowUp")  # a whole number
        while await receive(client, "/step") != [4]:
            pass


async def test_text_that_is_typed_is_not_overwritten(
    program: ControlRoomProgram, open_page: Open
) -> None:
    async with opened(program, open_page) as page:
        program.send(encode_message(Message.of("/name", "Ariel")))
        row = await open_control(page, "/name")
        field = row.get_by_label("Value of /name")
        await expect(field).to_have_value("Ariel")
        await field.fill("Pros")
        program.send(encode_message(Message.of("/name", "Miranda")))
        await expect(row.locator(".val")).to_have_text("“Miranda”")
        await expect(field).to_have_value("Pros")
        await field.press_sequentially("pero")
        await page.keyboard.press("Enter")
        await expect(row.locator(".val")).to_have_text("“Prospero”")
        program.send(encode_message(Message.of("/name", "Caliban")))
        await expect(field).to_have_value("Caliban")


async def test_control_without_the_right_to_send_says_so(
    start: Callable[..., Any], open_page: Open
) -> None:
    token = '[[token]]\nname = "a"\nsecret = { env = "A" }\nrights = ["listen"]\n'
    with start(CONFIGURATION + token, env={"A": "only-listens-1"}) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}values#token=only-listens-1")
        await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
        program.send(encode_message(Message.of("/a", 0.5)))
        row = await open_control(page, "/a")
        await expect(row.get_by_role("slider")).to_have_attribute("aria-disabled", "true")
        await expect(row).to_contain_text("Sending needs a token with the right send.")


# --- the list -----------------------------------------------------------------------------------


async def test_search_finds_addresses_values_types_and_names(
    program: ControlRoomProgram, open_page: Open
) -> None:
    async with opened(program, open_page) as page:
        send_some(program)
        names = page.locator(".v .nm")
        search = page.get_by_role("searchbox")
        for query, found in {
            "fader1": ["/1/fader1", "/1/fader10"],
            "0.25 ,f": ["/1/fader1", "/ch/1/level"],
            ",ff": ["/xy"],
            "ariel": ["/name"],
            "stage ,s": ["/name"],
            "web": ["/ch/1/level", "/ch/9/level", "/ch/10/level"],
            "nothing": [],
        }.items():
            await search.fill(query)
            await expect(names).to_have_text(found)
        await expect(page.get_by_text("No address matches.")).to_be_visible()


async def test_age_of_a_quiet_value_grows(program: ControlRoomProgram, open_page: Open) -> None:
    async with opened(program, open_page) as page:
        program.send(encode_message(Message.of("/a", 0.5)))
        age = page.locator(".v .age")
        await expect(age).to_have_text("now")
        await expect(age).to_have_text("3 s")  # nothing else arrives meanwhile


# --- plots --------------------------------------------------------------------------------------


async def test_value_that_is_chosen_late_is_plotted_from_before(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(program.url)  # another view
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
    for number in (0.125, 0.75):
        program.send(encode_message(Message.of("/a", number)))
        await asyncio.sleep(2.5)  # a sample is taken every second
    await page.get_by_role("link", name="Values").first.click()
    await page.get_by_role("checkbox", name="Plot /a", exact=True).click()
    figures = page.get_by_role("row").filter(has_text="/a")
    await expect(figures.get_by_role("cell").nth(1)).to_have_text("0.125")  # the lowest
    await expect(figures.get_by_role("cell").nth(2)).to_have_text("0.750")


async def test_paused_plot_can_be_zoomed(program: ControlRoomProgram, open_page: Open) -> None:
    async with opened(program, open_page) as page:
        program.send(encode_message(Message.of("/a", 0.5)))
        await page.get_by_role("checkbox", name="Plot /a", exact=True).click()
        plot = page.get_by_role("region", name="Plot of the chosen values")
        await plot.get_by_role("button", name="Pause").click()
        box = await plot.locator(".u-over").bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + box["width"] * 0.4, y)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
        await page.mouse.up()
        await expect(plot.get_by_role("button", name="Show all of it")).to_be_visible()
        await plot.get_by_role("button", name="Show all of it").click()
        await expect(plot.get_by_role("button", name="Show all of it")).to_have_count(0)
