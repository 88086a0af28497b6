"""Who may open the control room: the real program, Chromium, nginx and Caddy."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from control_room import CONFIGURATION, ControlRoomProgram
from playwright.async_api import Browser, Frame, Page, expect
from reverse_proxies import UPGRADE, running_nginx, running_proxy

OPEN = CONFIGURATION.replace('listen = "127.0.0.1:0"', 'listen = "0.0.0.0:0"', 1)
SECRET = "foh-secret-1234"
TOKENS = '[[token]]\nname = "foh"\nsecret = { env = "FOH" }\nrights = ["listen"]\n'
ENV = {"FOH": SECRET}
RUNNING = "Everything is running."

Before = Callable[[Path, int], AbstractContextManager[int]]
Start = Callable[..., Any]


def http(**options: str) -> str:
    """The configuration with options of ``[http]``."""
    lines = "".join(f"{key} = {value}\n" for key, value in options.items())
    return CONFIGURATION.replace("\n[bridge", f"{lines}\n[bridge", 1)


async def new_page(browser: Browser, errors: list[str] | None = None) -> Page:
    page = await (await browser.new_context()).new_page()
    if errors is not None:
        page.on("console", lambda line: line.type == "error" and errors.append(line.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
    return page


async def expect_running(page: Page | Frame) -> None:
    await expect(page.get_by_role("heading", name=RUNNING)).to_be_visible()


# --- the generated token --------------------------------------------------------------------------


async def test_printed_address_opens_the_page_with_a_token_that_no_request_contains(
    start: Start, browser: Browser, tmp_path: Path
) -> None:
    with start(OPEN) as process:
        program = ControlRoomProgram(process)
        found = re.search(r"http://\S+/#token=(\S+)", process.output)
        assert found, process.output
        secret = unquote(found[1])
        file = tmp_path / "state" / "oscbridge" / "control-room-token"
        assert file.read_text() == f"{secret}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

        page = await new_page(browser)
        requested: list[str] = []
        frames: list[str | bytes] = []
        page.on("request", lambda request: requested.append(f"{request.url} {request.headers}"))
        page.on(
            "websocket",
            lambda socket: (
                requested.append(socket.url),
                socket.on("framesent", lambda payload: frames.append(payload)),
            ),
        )
        await page.goto(f"{program.url}#token={found[1]}")
        await expect_running(page)
        assert json.loads(frames[0]) == {"type": "hello", "token": secret}
        assert len(requested) > 3
        assert not any(found[1] in each for each in requested)
        assert page.url == program.url
        assert await page.evaluate("Object.values({...sessionStorage})") == [secret]
        assert await page.evaluate("({...localStorage})") == {}
        assert await page.context.cookies() == []
        await page.reload()
        await expect_running(page)
        other = await page.context.new_page()  # another tab has a storage of its own
        await other.goto(program.url)
        await expect(other.get_by_role("heading", name="asks for a token")).to_be_visible()
    with start(OPEN) as process:
        assert f"/#token={found[1]}" in process.output


async def test_token_in_the_query_is_not_taken(start: Start, browser: Browser) -> None:
    with start(CONFIGURATION + TOKENS, env=ENV) as process:
        page = await new_page(browser)
        await page.goto(f"{ControlRoomProgram(process).url}?token={SECRET}")
        await expect(page.get_by_role("heading", name="asks for a token")).to_be_visible()


# --- behind proxies -------------------------------------------------------------------------------


def nginx_at_root(folder: Path, to: int) -> AbstractContextManager[int]:
    return running_nginx(folder, to)


def nginx_that_removes_the_path(folder: Path, to: int) -> AbstractContextManager[int]:
    return running_nginx(folder, to, location="/stage/")


def caddy(folder: Path, to: int) -> AbstractContextManager[int]:
    return running_proxy("caddy", folder, to)


PROXIES: dict[str, tuple[Before, str]] = {
    "nginx": (nginx_at_root, "/"),
    "nginx, path removed": (nginx_that_removes_the_path, "/stage/"),
    "nginx, path kept": (nginx_at_root, "/stage/"),
    "caddy": (caddy, "/"),
    "caddy, path removed": (caddy, "/stage/"),
}
"""Each proxy, and the path below which it shows the page."""


@pytest.mark.parametrize("name", PROXIES)
async def test_page_works_behind_a_proxy_with_a_token(
    start: Start, mapped_browser: Browser, tmp_path: Path, name: str
) -> None:
    before, path = PROXIES[name]
    text = http(
        trusted_proxies='["127.0.0.1"]', root_path='"/stage"', hosts='["stage.example.org"]'
    )
    errors: list[str] = []
    with (
        start(text + TOKENS, env=ENV) as process,
        before(tmp_path, ControlRoomProgram(process).port) as port,
    ):
        for host in ("stage.lan", "stage.example.org", "127.0.0.1"):
            page = await new_page(mapped_browser, errors)
            url = f"http://{host}:{port}{path}"
            await page.goto(f"{url}#token={SECRET}")
            await expect_running(page)
            assert page.url == url
            await page.get_by_role("link", name="Values").first.click()
            assert page.url == f"{url}values"
            await page.reload()
            await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
            assert errors == []
            await page.context.close()


@pytest.mark.parametrize("name", ["nginx", "caddy"])
async def test_proxy_without_tokens_has_no_access(
    start: Start, mapped_browser: Browser, tmp_path: Path, name: str
) -> None:
    before, path = PROXIES[name]
    for trusted in ("[]", '["127.0.0.1"]'):
        with (
            start(http(trusted_proxies=trusted)) as process,
            before(tmp_path, ControlRoomProgram(process).port) as port,
        ):
            page = await new_page(mapped_browser)
            await page.goto(f"http://127.0.0.1:{port}{path}")
            await expect(page.get_by_text("comes through a proxy")).to_be_visible()


HOME_ASSISTANT = "/api/hassio_ingress/Xy_1-2/"


async def test_ingress_of_home_assistant_needs_no_token_and_shows_the_page_in_its_own(
    start: Start, mapped_browser: Browser, tmp_path: Path
) -> None:
    more = f"{UPGRADE} proxy_set_header X-Ingress-Path {HOME_ASSISTANT};"
    shown = f"<iframe src='{HOME_ASSISTANT}' width=1200 height=640></iframe>"
    outside = f'location = /lovelace {{ default_type text/html; return 200 "{shown}"; }}'
    text = http(trusted_proxies='["127.0.0.1"]') + TOKENS
    with (
        start(text, env=ENV) as process,
        running_nginx(
            tmp_path,
            ControlRoomProgram(process).port,
            more,
            location=HOME_ASSISTANT,
            outside=outside,
        ) as port,
    ):
        page = await new_page(mapped_browser)
        await page.goto(f"http://homeassistant.local:{port}/lovelace")
        frame = next(each for each in page.frames if each.parent_frame is not None)
        await expect_running(frame)
        await frame.get_by_role("button", name="faders").click()
        await expect(frame.get_by_role("button", name="Mute")).to_be_enabled()
