"""The control room in the sidebar of Home Assistant, with the settings of the add-on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from control_room import CONFIGURATION, ControlRoomProgram, connected
from ingress import PANEL, SUPERVISOR, running_ingress
from playwright.async_api import Browser, Frame, Page, expect

from oscbridge import Message, encode_message

Start = Callable[..., Any]

DOCKERFILE = Path(__file__).parents[3] / "docker" / "home-assistant" / "Dockerfile"
PORT = 8099


def add_on_settings() -> dict[str, str]:
    """The variables of the add-on, with addresses of this machine."""
    text = DOCKERFILE.read_text()
    found = dict(re.findall(r"(OSCBRIDGE__\w+)='?([^'\s\\]+)'?", text))
    assert found == {
        "OSCBRIDGE__HTTP__LISTEN": f"0.0.0.0:{PORT}",
        "OSCBRIDGE__HTTP__TRUSTED_PROXIES": '["172.30.32.2"]',
        "OSCBRIDGE__HTTP__HOSTS": '["*"]',
    }
    found["OSCBRIDGE__HTTP__LISTEN"] = "0.0.0.0:0"
    found["OSCBRIDGE__HTTP__TRUSTED_PROXIES"] = json.dumps([SUPERVISOR])
    return found


async def frame_of(page: Page, host: str, port: int) -> Frame:
    """The add-on in the page of Home Assistant."""
    await page.goto(f"http://{host}:{port}{PANEL}")
    return next(each for each in page.frames if each.parent_frame is not None)


async def test_users_of_home_assistant_see_and_edit_everything_under_any_name(
    start: Start, mapped_browser: Browser
) -> None:
    with start(CONFIGURATION, env=add_on_settings()) as process:
        program = ControlRoomProgram(process)
        async with running_ingress(program.port) as port:
            for host in ("homeassistant.local", "home.example.org", "abc.ui.nabu.casa"):
                page = await (await mapped_browser.new_context()).new_page()
                errors: list[str] = []
                page.on("console", lambda line: line.type == "error" and errors.append(line.text))  # noqa: B023
                frame = await frame_of(page, host, port)
                await expect(
                    frame.get_by_role("heading", name="Everything is running.")
                ).to_be_visible()
                await frame.get_by_role("button", name="faders").click()
                await expect(frame.get_by_role("button", name="Mute")).to_be_enabled()
                await frame.get_by_role("link", name="Values").first.click()
                program.send(encode_message(Message.of(f"/{host}", 0.5)))
                await expect(frame.get_by_title(f"/{host}", exact=True)).to_be_visible()
                assert errors == []
                await page.context.close()


async def test_page_of_another_site_cannot_use_the_session_of_a_user(
    start: Start, mapped_browser: Browser
) -> None:
    with start(CONFIGURATION, env=add_on_settings()) as process:
        async with running_ingress(ControlRoomProgram(process).port) as port:
            page = await (await mapped_browser.new_context()).new_page()
            await frame_of(page, "homeassistant.local", port)
            other = await page.context.new_page()
            await other.goto(f"http://evil.example.org:{port}/nothing")
            url = f"ws://homeassistant.local:{port}/api/hassio_ingress/Xy_1-2/ui"
            opened = await other.evaluate(
                """url => new Promise(resolve => {
                    const socket = new WebSocket(url, ["oscbridge.ui.1"]);
                    socket.onmessage = () => resolve(true);
                    socket.onopen = () => socket.send('{"type": "hello", "token": ""}');
                    socket.onclose = () => resolve(false);
                })""",
                url,
            )
            assert opened is False


async def test_other_containers_have_no_access_even_with_the_header(start: Start) -> None:
    ingress = {"X-Ingress-Path": "/api/hassio_ingress/1"}
    with start(CONFIGURATION, env=add_on_settings()) as process:
        async with connected(ControlRoomProgram(process).port, additional_headers=ingress) as page:
            assert (await page.next("denied"))["reason"]
