"""The view Surface in browsers, against the real program."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from control_room import CONFIGURATION, ControlRoomProgram, connected
from control_room_views import Open, receive
from playwright.async_api import CDPSession, Locator, Page, WebSocketRoute, expect
from websockets.asyncio.client import connect

from oscbridge import Color, Message, encode_message
from oscbridge.testing import until

OSC_JSON: list[Any] = ["osc.json"]
LATE = 0.7
"""Seconds by which a slow network delays a message."""


def widget(id_: str, kind: str, address: str, x: int, **more: object) -> dict[str, object]:
    where = {"x": x, "y": 0, "w": 1, "h": 6, "target": "stage", "received": True}
    return {"id": id_, "kind": kind, "address": address, "label": id_, **where, **more}


@pytest.fixture
def pages(tmp_path: Path) -> Callable[..., None]:
    """Writes the file of the surface, with one page."""

    def write(*widgets: dict[str, object], **page: object) -> None:
        one = {"id": "page1", "name": "Main", "widgets": widgets, **page}
        text = json.dumps({"format": "oscbridge surface", "version": 1, "pages": [one]})
        (tmp_path / "test.surface.json").write_text(text)

    return write


def fader(page: Page, name: str) -> Locator:
    return page.get_by_role("slider", name=name, exact=True)


async def value(page: Page, name: str) -> float:
    return float(await fader(page, name).get_attribute("aria-valuenow") or "nan")


async def middle(place: Locator) -> tuple[float, float]:
    box = await place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def test_two_browsers_arrange_one_page_at_once(
    program: ControlRoomProgram, open_page: Open
) -> None:
    one = await open_page(f"{program.url}surface")
    two = await open_page(f"{program.url}surface")
    await one.get_by_role("button", name="Make the first page").click()
    await expect(two.get_by_role("button", name="Main")).to_be_visible()
    await two.get_by_role("button", name="Arrange", exact=True).click()
    for page in (one, two):
        await expect(page.get_by_text("No message has passed yet.")).to_be_visible()
    program.send(*(encode_message(Message.of(f"/1/fader{n}", n / 20)) for n in range(1, 11)))
    for n in range(1, 6):
        await one.get_by_role("button", name=f"Add /1/fader{n}", exact=True).click()
        await two.get_by_role("button", name=f"Add /1/fader{n + 5}", exact=True).click()
    for page in (one, two):
        for n in range(1, 11):
            grip = page.get_by_role("button", name=f"Arrange fader{n}", exact=True)
            await expect(grip).to_be_visible()
    # One renames what the other colours.
    await one.get_by_role("button", name="Arrange fader3", exact=True).press("Enter")
    await two.get_by_role("button", name="Arrange fader3", exact=True).press("Enter")
    await one.get_by_label("Label").fill("Miranda")
    await one.get_by_label("Label").press("Tab")
    await two.get_by_role("button", name="Sand").click()
    for page in (one, two):
        form = page.get_by_role("region", name="Control")
        await expect(form.get_by_label("Label")).to_have_value("Miranda")
        await expect(form.get_by_role("button", name="Sand")).to_have_attribute(
            "aria-pressed", "true"
        )
    await one.get_by_role("button", name="Done").click()
    await fader(one, "Miranda").press("PageUp")
    assert await value(one, "Miranda") == pytest.approx(0.25)
    await two.get_by_role("button", name="Done").click()
    await expect(fader(two, "Miranda")).to_have_attribute("aria-valuenow", "0.25")


async def slow_network(page_side: WebSocketRoute) -> None:
    """A network on which each message of the bridge takes a while."""
    loop, server = asyncio.get_running_loop(), page_side.connect_to_server()
    page_side.on_message(server.send)
    server.on_message(lambda message: loop.call_later(LATE, page_side.send, message) and None)


async def test_edits_do_not_wait_for_the_answer_of_the_bridge(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None], tmp_path: Path
) -> None:
    pages(widget("one", "fader", "/a", 0), widget("two", "fader", "/b", 2), locked=True)
    page = await open_page("about:blank")
    await page.route_web_socket("**/ui", slow_network)
    await page.goto(f"{program.url}surface")
    await page.get_by_role("button", name="Arrange", exact=True).click()
    await page.get_by_role("button", name="Unlock").click()
    await page.get_by_role("button", name="Arrange two").press("Delete")  # still locked there
    await page.get_by_role("button", name="Arrange one").press("Enter")
    width = page.get_by_role("group", name="Width")
    for _ in range(3):
        await width.get_by_role("button", name="Width: more").click()
    await expect(width).to_contain_text("4")
    await expect(page.get_by_role("button", name="Arrange two")).to_have_count(0)

    def kept() -> list[tuple[str, int]]:
        (one,) = json.loads((tmp_path / "test.surface.json").read_text())["pages"]
        return [(each["id"], each["w"]) for each in one["widgets"]]

    await until(lambda: kept() == [("one", 4)])


async def test_held_button_is_released_when_its_browser_is_gone(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    note = {"mode": "momentary", "on": 1, "off": 0, "types": "i"}
    pages({**widget("note", "button", "/note", 0, **note), "target": "web", "received": False})
    page = await open_page(f"{program.url}surface")
    url = f"ws://127.0.0.1:{program.process.port('web')}"
    async with connect(url, subprotocols=OSC_JSON) as client:
        button = page.get_by_role("button", name="note")
        await page.mouse.move(*(await middle(button)))
        await page.mouse.down()
        assert await receive(client, "/note") == [1]
        await page.close()
        assert await receive(client, "/note") == [0]


async def test_ten_faders_are_laid_out_in_a_minute(
    program: ControlRoomProgram, open_page: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person takes about a second for each step, and types three characters per second."""
    page = await open_page(f"{program.url}surface")
    began = time.monotonic()

    async def click(name: str) -> None:
        await page.wait_for_timeout(1_000)
        await page.get_by_role("button", name=name).click()

    await click("Make the first page")
    program.send(
        *(encode_message(Message.of(f"/desk/ch/{n:02}/fader", n / 20)) for n in range(1, 11)),
        *(encode_message(Message.of(f"/desk/ch/{n:02}/on", True)) for n in range(1, 11)),
    )
    await page.wait_for_timeout(1_000)
    await page.get_by_label("Find a value to add").press_sequentially("fader", delay=330)
    await click("Add all 10")
    await expect(page.get_by_role("button", name="Arrange ch 10 fader")).to_be_visible()
    await click("Done")
    for n in range(1, 11):
        await expect(fader(page, f"ch {n:02} fader")).to_have_attribute(
            "aria-valuenow", str(n / 20)
        )
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nten faders in {took:.1f} s")
    assert took < 60


async def test_fingers_move_faders_at_the_same_time_and_nothing_jumps(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(*(widget(f"left{n}", "fader", f"/f/{n}", n, types="f") for n in range(3)))
    page = await open_page(f"{program.url}surface", "phone")
    await expect(fader(page, "left0")).to_be_visible()
    program.send(*(encode_message(Message.of(f"/f/{n}", 0.5)) for n in range(3)))
    for n in range(3):
        await expect(fader(page, f"left{n}")).to_have_attribute("aria-valuenow", "0.5")
    cdp: CDPSession = await page.context.new_cdp_session(page)
    at = [await middle(fader(page, f"left{n}")) for n in range(3)]
    offsets = (0.0, 60.0, -60.0)  # fingers are beside the caps

    async def touch(kind: str, moves: tuple[float, ...]) -> None:
        points = [
            {"x": x, "y": y + offset + move, "id": n}
            for n, ((x, y), offset, move) in enumerate(zip(at, offsets, moves, strict=True))
        ]
        await cdp.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [] if kind == "touchEnd" else points},
        )

    await touch("touchStart", (0, 0, 0))
    assert [await value(page, f"left{n}") for n in range(3)] == [0.5, 0.5, 0.5]
    for step in range(1, 6):
        await touch("touchMove", (-8.0 * step, 8.0 * step, 0))
    height = await fader(page, "left0").evaluate("fader => fader.clientHeight")
    moved = [0.5 + 40 / height, 0.5 - 40 / height, 0.5]
    for n in range(3):
        while await value(page, f"left{n}") != pytest.approx(moved[n], abs=1e-4):
            await page.wait_for_timeout(20)  # the browser has not handled the touches yet
        # What the page sends last must not come after what the device says.
        hand = await fader(page, f"left{n}").get_attribute("aria-valuetext") or ""
        strip = page.get_by_role("group", name=f"left{n}")
        await expect(strip.locator(".w-figure")).to_have_text(hand)
    # The device disagrees while the fingers hold: its line moves, the caps stay.
    program.send(*(encode_message(Message.of(f"/f/{n}", 1.0)) for n in range(3)))
    for n in range(3):
        strip = page.get_by_role("group", name=f"left{n}")
        await expect(strip.locator(".w-figure")).to_have_text("1")
    held = [await value(page, f"left{n}") for n in range(3)]
    assert held == pytest.approx(moved, abs=1e-4)
    await touch("touchEnd", (0, 0, 0))
    for n in range(3):  # nobody holds them: they meet again
        await expect(fader(page, f"left{n}")).to_have_attribute("aria-valuenow", "1")


async def test_buttons_send_when_they_are_pressed(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    web = {"target": "web", "received": False, "h": 2}
    pages(
        widget("flash", "button", "/flash", 0, mode="momentary", on=1, off=0, types="i", **web),
        widget("mute", "button", "/mute", 1, mode="toggle", **web),
        widget("go", "button", "/go", 2, mode="trigger", confirm=True, **web),
        widget("scene", "button", "/scene", 3, mode="trigger", types="is", args=[3, "x"], **web),
    )
    url = f"ws://127.0.0.1:{program.process.port('web')}"
    async with connect(url, subprotocols=OSC_JSON) as client:
        page = await open_page(f"{program.url}surface")
        await page.get_by_role("button", name="flash").hover()
        await page.mouse.down()
        assert await receive(client, "/flash") == [1]
        await page.mouse.up()
        assert await receive(client, "/flash") == [0]
        await page.get_by_role("button", name="flash").focus()
        await page.keyboard.press("Space")
        assert [await receive(client, "/flash"), await receive(client, "/flash")] == [[1], [0]]
        mute = page.get_by_role("button", name="mute")
        await mute.click()
        assert await receive(client, "/mute") == [True]
        await expect(mute).to_have_attribute("aria-pressed", "true")
        await mute.click()
        assert await receive(client, "/mute") == [False]
        await page.get_by_role("button", name="go").click()
        await page.get_by_role("button", name="scene").click()
        assert await receive(client, "/scene") == [3, "x"]  # and nothing at /go before
        await page.get_by_role("button", name="Press again").click()
        assert await receive(client, "/go") == []


async def test_button_that_is_held_is_released_when_the_page_is_left(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(
        widget("flash", "button", "/flash", 0, mode="momentary", target="web", received=False),
    )
    url = f"ws://127.0.0.1:{program.process.port('web')}"
    async with connect(url, subprotocols=OSC_JSON) as client:
        page = await open_page(f"{program.url}surface")
        await page.get_by_role("button", name="flash").hover()
        await page.mouse.down()
        assert await receive(client, "/flash") == [True]
        await page.get_by_role("link", name="Log").first.evaluate("link => link.click()")
        assert await receive(client, "/flash") == [False]


async def test_every_kind_of_control_follows_the_device_and_sends(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(
        widget("pad", "xy", "/xy", 0, w=3),
        widget("look", "menu", "/look", 3, w=2, choices=["Storm", "Island"]),
        widget("wash", "colour", "/wash", 5, w=2),
        widget("level", "meter", "/level", 7, most=10),
        widget("cue", "text", "/cue", 8, w=2, target=""),
        widget("title", "label", "", 10, w=2, label="The Tempest"),
    )
    page = await open_page(f"{program.url}surface")
    await expect(page.get_by_text("The Tempest")).to_be_visible()
    program.send(
        encode_message(Message.of("/xy", 0.25, 0.5)),
        encode_message(Message.of("/look", "Island")),
        encode_message(Message("/wash", "r", (Color(0xE0A458FF),))),
        encode_message(Message.of("/level", 7.5)),
        encode_message(Message.of("/cue", "<b>26</b>")),
    )
    pad = page.get_by_role("slider", name="pad")
    await expect(pad).to_have_attribute("aria-valuetext", "0.250 across, 0.500 up")
    await expect(page.get_by_label("look").get_by_role("combobox")).to_have_value("Island")
    await expect(page.get_by_role("meter", name="level")).to_have_attribute("aria-valuenow", "7.5")
    await expect(page.get_by_text("<b>26</b>")).to_be_visible()
    await pad.press("ArrowRight")
    await expect(page.get_by_role("group", name="pad")).to_contain_text("0.260, 0.500")
    await page.get_by_label("look").get_by_role("combobox").select_option("Storm")
    await page.get_by_role("group", name="wash").locator("input").fill("#102030")
    await expect(page.get_by_role("group", name="wash").locator(".mono")).to_have_text("#102030")
    await page.get_by_role("searchbox").fill("level")
    await expect(page.locator(".wg.other")).to_have_count(5)
    assert await violations(page) == []


async def test_arranging_works_by_pointer_and_by_keyboard_and_is_undone(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None], tmp_path: Path
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"), widget("two", "fader", "/b", 1, types="f"))
    file = tmp_path / "test.surface.json"

    def places() -> dict[str, tuple[int, int, int, int]]:
        found = json.loads(file.read_text())["pages"][0]["widgets"]
        return {each["id"]: (each["x"], each["y"], each["w"], each["h"]) for each in found}

    async with connected(program.port) as other:  # edits are in the file once they are answered
        page = await open_page(f"{program.url}surface")
        await page.get_by_role("button", name="Arrange", exact=True).click()

        async def kept() -> dict[str, tuple[int, int, int, int]]:
            await expect(page.get_by_role("button", name="Arrange one")).to_be_visible()
            nothing = json.dumps([{"op": "change_page", "page": "page1", "changes": {}}])
            await other.command(type="edit_surface", edits=nothing)
            return places()

        grip = page.get_by_role("button", name="Arrange one")
        await grip.press("ArrowDown")
        await grip.press("Shift+ArrowRight")
        await expect(page.get_by_role("group", name="Width")).to_have_count(0)
        await grip.press("Enter")
        await expect(page.get_by_role("group", name="Width")).to_contain_text("2")
        assert (await kept())["one"] == (0, 1, 2, 6)
        two = await page.get_by_role("button", name="Arrange two").bounding_box()
        assert two is not None
        await page.mouse.move(two["x"] + 10, two["y"] + 20)
        await page.mouse.down()
        await page.mouse.move(two["x"] + 10 + 2 * two["width"], two["y"] + 20, steps=8)
        await page.mouse.up()
        await expect(page.get_by_role("region", name="Control")).to_contain_text("/b")
        corner = await middle(page.locator(".w-corner"))
        await page.mouse.move(*corner)
        await page.mouse.down()
        await page.mouse.move(corner[0] + 1.2 * two["width"], corner[1], steps=8)
        await page.mouse.up()
        await expect(page.get_by_role("group", name="Width")).to_contain_text("2")
        assert (await kept())["two"] == (3, 0, 2, 6)
        await page.get_by_role("button", name="Remove", exact=True).click()
        await expect(page.get_by_role("button", name="Arrange two")).to_have_count(0)
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_role("button", name="Arrange two")).to_be_visible()
        assert (await kept())["two"] == (3, 0, 2, 6)
        assert await violations(page) == []


async def test_locked_page_is_played_and_not_arranged(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"))
    page = await open_page(f"{program.url}surface")
    await page.get_by_role("button", name="Arrange", exact=True).click()
    await page.get_by_role("button", name="Lock").click()
    await expect(page.get_by_role("heading", name="Main is locked")).to_be_visible()
    await page.get_by_role("button", name="Arrange one").press("Delete")
    await page.get_by_role("button", name="Arrange one").press("ArrowRight")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await page.get_by_role("button", name="Unlock").click()
    await expect(page.get_by_role("heading", name="Main is locked")).to_have_count(0)
    await page.get_by_role("button", name="Arrange one").press("Delete")
    await expect(page.get_by_role("button", name="Arrange one")).to_have_count(0)


async def test_value_is_pinned_and_pages_are_exported_and_imported(
    program: ControlRoomProgram, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
    program.send(encode_message(Message.of("/1/fader3", 0.25)))
    await page.get_by_role("button", name="/1/fader3", exact=True).click()
    await page.get_by_role("button", name="Pin to the surface").click()
    await page.get_by_role("button", name="Pin", exact=True).click()
    await page.get_by_role("link", name="Open it").click()
    await expect(fader(page, "fader3")).to_have_attribute("aria-valuenow", "0.25")
    await page.get_by_role("button", name="Arrange", exact=True).click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    path = Path(await (await download.value).path())
    exported = json.loads(path.read_text())
    assert [each["label"] for each in exported["pages"][0]["widgets"]] == ["fader3"]
    imported = tmp_path / "imported.json"
    exported["pages"][0]["widgets"][0]["label"] = "From the file"
    imported.write_text(json.dumps(exported))
    await page.locator("input[type=file]").set_input_files(imported)
    await expect(page.get_by_role("status").filter(has_text="1 page added.")).to_be_visible()
    await expect(page.get_by_role("button", name="Main 2")).to_have_attribute(
        "aria-pressed", "true"
    )
    await expect(page.get_by_role("button", name="Arrange From the file")).to_be_visible()
    for text, error in (
        ("nonsense", "This file is not JSON."),
        ("{}", "This file is not a surface of oscbridge."),
        (json.dumps({**exported, "version": 2}), "Version 2 of the format; expected 1."),
        (json.dumps({**exported, "pages": [7]}), "A page in this file is not valid."),
        (json.dumps({**exported, "pages": exported["pages"] * 33}), "33 pages; at most 32."),
        (path.read_text().replace('"fader"', '"iframe"'), "add_widget.widget.kind"),
        (path.read_text().replace('"/1/fader3"', '"javascript:alert(1)"'), "widget.address"),
        (" " * 4_100_000, "This file is too large for a surface."),
        (path.read_text().replace('"fader3"', f'"{"x" * 999_999}"'), "This is too large for a"),
    ):
        imported.write_text(text)
        await page.locator("input[type=file]").set_input_files(imported)
        alert = page.get_by_role("alert").filter(has_text="Not imported: ")
        await expect(alert).to_contain_text(error)
    await expect(page.get_by_role("group", name="Pages").get_by_role("button")).to_have_count(2)
    exported["pages"][0]["name"] = "n" * 40
    imported.write_text(json.dumps(exported))
    for name in ("n" * 40, f"{'n' * 38} 2"):
        await page.locator("input[type=file]").set_input_files(imported)
        chosen = page.get_by_role("button", name=name, exact=True)
        await expect(chosen).to_have_attribute("aria-pressed", "true")  # it is imported wholly


@pytest.mark.parametrize("way", ["button", "key"])
async def test_removed_control_comes_back_to_its_page_from_another_one(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None], way: str
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"))
    page = await open_page(f"{program.url}surface")
    await page.get_by_role("button", name="Arrange", exact=True).click()
    await page.get_by_role("button", name="Page", exact=True).click()
    tabs = page.get_by_role("group", name="Pages")
    await tabs.get_by_role("button", name="Page").click()
    await tabs.get_by_role("button", name="Main").click()
    await page.get_by_role("button", name="Arrange one").click()
    if way == "key":
        await page.keyboard.press("Delete")
    else:
        side = page.get_by_role("complementary", name="Arrange")
        await side.get_by_role("button", name="Remove").click()
    await expect(fader(page, "one")).to_have_count(0)
    await tabs.get_by_role("button", name="Page").click()
    await expect(page.get_by_text("Removed one from Main")).to_be_visible()
    await page.get_by_role("button", name="Undo").click()
    main = tabs.get_by_role("button", name="Main")
    await expect(main).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("button", name="Arrange one")).to_be_visible()
    await expect(page.get_by_text("Removed one")).to_have_count(0)


async def test_screen_is_full_and_stays_on_where_the_browser_allows_it(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"))
    page = await open_page(f"{program.url}surface")  # 127.0.0.1 is secure
    await page.get_by_role("button", name="Full screen").click()
    await expect(page.get_by_role("searchbox")).to_be_hidden()
    await expect(fader(page, "one")).to_be_visible()
    await page.get_by_role("button", name="Full screen").click()
    await expect(page.get_by_role("searchbox")).to_be_visible()
    await expect(page.get_by_role("button", name="Keep screen on")).to_be_visible()
    await expect(page.get_by_text("The screen may go dark")).to_have_count(0)


async def test_note_says_why_the_screen_does_not_stay_on(
    program: ControlRoomProgram, open_page: Open, pages: Callable[..., None]
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"))
    page = await open_page("about:blank")
    await page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    await page.goto(f"{program.url}surface")
    await expect(page.get_by_text("keeps it on only over HTTPS")).to_be_visible()
    await expect(page.get_by_role("button", name="Keep screen on")).to_have_count(0)


async def test_token_without_the_right_sees_controls_that_are_off(
    start: Callable[..., Any], open_page: Open, pages: Callable[..., None]
) -> None:
    pages(widget("one", "fader", "/a", 0, types="f"))
    token = '[[token]]\nname = "wall"\nsecret = { env = "WALL" }\nrights = ["listen"]\n'
    with start(CONFIGURATION + token, env={"WALL": "wall-secret-123"}) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}surface#token=wall-secret-123")
        await expect(fader(page, "one")).to_have_attribute("aria-disabled", "true")
        await expect(page.get_by_text("Moving controls needs a token")).to_be_visible()
        await expect(page.get_by_role("button", name="Arrange")).to_have_count(0)
