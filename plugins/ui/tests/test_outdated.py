"""A page that stays open while the bridge gets another version."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from control_room import ControlRoomProgram
from playwright.async_api import Page, WebSocketRoute, expect

OUTDATED = "The bridge has another version than this page."

Open = Callable[..., Awaitable[Page]]


async def test_page_of_another_version_says_so_and_is_loaded_again(
    program: ControlRoomProgram, open_page: Open
) -> None:
    pages: list[WebSocketRoute] = []
    is_away = False

    def meet(page_side: WebSocketRoute) -> None:
        """Connect to the bridge; from the second time on it has another version."""
        if is_away:
            return
        server, is_new = page_side.connect_to_server(), bool(pages)
        pages.append(page_side)

        def forward(frame: str | bytes) -> None:
            message = json.loads(frame)
            if is_new and message["type"] == "welcome":
                message["process"]["version"] = "99.0"
            page_side.send(json.dumps(message))

        server.on_message(forward)

    page = await open_page("about:blank")
    await page.route_web_socket("**/ui", meet)
    await page.goto(program.url)
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await pages[0].close()
    await expect(page.get_by_role("alert")).to_contain_text(OUTDATED)
    is_away = True
    await pages[1].close()
    await expect(page.get_by_role("alert")).to_contain_text("Not connected to the bridge.")
    is_away = False
    await expect(page.get_by_role("alert")).to_contain_text(OUTDATED)
    await page.unroute_all()
    await page.get_by_role("button", name="Load the page again").click()
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()


async def test_page_that_the_bridge_does_not_understand_says_so(
    program: ControlRoomProgram, open_page: Open
) -> None:
    def spoil(page_side: WebSocketRoute) -> None:
        """A bridge that knows other messages."""
        server = page_side.connect_to_server()

        def forward(frame: str | bytes) -> None:
            server.send(str(frame).replace("watch_log", "log_please"))

        page_side.on_message(forward)

    page = await open_page("about:blank")
    await page.route_web_socket("**/ui", spoil)
    await page.goto(program.url)
    await expect(page.get_by_role("alert")).to_contain_text(OUTDATED)
    await expect(page.get_by_role("button", name="Load the page again")).to_be_visible()


async def test_page_that_the_bridge_never_understands_says_so(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page("about:blank")
    await page.route_web_socket("**/ui", lambda page_side: page_side.close(code=4400))
    await page.goto(program.url)
    await expect(page.get_by_role("alert")).to_contain_text(OUTDATED)
    await expect(page.get_by_role("button", name="Load the page again")).to_be_visible()


async def test_page_that_first_meets_a_bridge_of_another_version_says_so(
    program: ControlRoomProgram, open_page: Open
) -> None:
    def meet(page_side: WebSocketRoute) -> None:
        server = page_side.connect_to_server()

        def forward(frame: str | bytes) -> None:
            message = json.loads(frame)
            if message["type"] == "welcome":
                message["process"]["version"] = "99.0"
            page_side.send(json.dumps(message))

        server.on_message(forward)

    page = await open_page("about:blank")
    await page.route_web_socket("**/ui", meet)
    await page.goto(program.url)
    await expect(page.get_by_role("alert")).to_contain_text(OUTDATED)
