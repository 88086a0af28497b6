"""The page: as HTTP, and how a browser shows unusual values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect
from programs import find_program

from oscbridge import Message


async def get(client: Any, path: str) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers and body."""
    head = await client.request(f"GET {path} HTTP/1.1\nHost: 127.0.0.1\nConnection: keep-alive\n")
    status, *lines = head.strip().split("\r\n")
    headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
    return status, headers, await client.reader.read()


@pytest.mark.parametrize("path", ["/", "/?theme=dark"])
async def test_browser_gets_the_page(bridge: Any, raw: Any, path: str) -> None:
    status, headers, body = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert int(headers["content-length"]) == len(body)
    assert body.startswith(b"<!doctype html>")


async def test_page_loads_nothing_from_other_sites(bridge: Any, raw: Any) -> None:
    _, headers, body = await get(await raw(bridge), "/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert b"http://" not in body
    assert b"https://" not in body


@pytest.mark.parametrize("path", ["/favicon.ico", "/index.html", "//", "/../page.html"])
async def test_other_paths_are_not_found(bridge: Any, raw: Any, path: str) -> None:
    status, _, _ = await get(await raw(bridge), path)
    assert status == "HTTP/1.1 404 Not Found"


async def test_page_can_be_disabled(start: Any, raw: Any) -> None:
    bridge = await start("page = false")
    status, _, _ = await get(await raw(bridge), "/")
    assert status == "HTTP/1.1 404 Not Found"


async def test_client_may_connect_to_any_path(bridge: Any, raw: Any) -> None:
    client = await raw(bridge)
    answer = await client.request(
        "GET /socket?x=1 HTTP/1.1\nHost: localhost\nConnection: keep-alive, Upgrade\n"
        "Upgrade: websocket\nSec-WebSocket-Version: 13\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
    )
    assert answer.startswith("HTTP/1.1 101 ")


# --- in a browser; tests/peers has the ordinary cases ------------------------------------------

PHONE = {"width": 400, "height": 800}


@pytest.fixture
async def browser_page() -> AsyncIterator[Page]:
    """An empty page, as wide as a phone; any error on it fails the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_program("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--host-resolver-rules=MAP stage.local 127.0.0.1",
            ],
        )
        page = await browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        await browser.close()
        assert errors == []


async def test_page_escapes_and_truncates_unusual_values(bridge: Any, browser_page: Page) -> None:
    page = browser_page
    await page.goto(f"http://127.0.0.1:{bridge.port}/")
    await expect(page.locator("#state")).to_have_text("connected")
    bridge.send(
        Message.of("/text", "x" * 5_000),
        Message.of("/lines", "one\ntwo\x1b[2J\u202e"),
        Message.of("/many", *range(1_000)),
        *(Message.of(f"/fader{n}", n) for n in (10, 9, 1)),
    )
    await expect(page.locator("tbody tr")).to_have_count(6)
    names = await page.locator("td.address").all_inner_texts()
    assert names == ["/fader1", "/fader9", "/fader10", "/lines", "/many", "/text"]
    values = page.locator("td.value")
    await expect(values.nth(3)).to_have_text(r"one\ntwo\u001b[2J\u202e")
    await expect(values.nth(4)).to_have_text(
        " ".join(map(str, range(1_000)))[:300] + "… (3889 characters)"
    )
    await expect(values.nth(5)).to_have_text("x" * 300 + "… (5000 characters)")
    await expect(page.locator("td.types").nth(4)).to_have_text("," + "i" * 32 + "… (1000 tags)")


async def values(page: Page) -> list[Locator]:
    return await page.locator("td.value").all()


async def test_float_fits_on_one_line_on_a_phone(bridge: Any, browser_page: Page) -> None:
    page = browser_page
    await page.goto(f"http://127.0.0.1:{bridge.port}/")
    await expect(page.locator("#state")).to_have_text("connected")
    bridge.send(Message.of("/i", 1), Message.of("/f", -0.123456789))
    await expect(page.locator("tbody tr")).to_have_count(2)
    heights = [await cell.evaluate("e => e.offsetHeight") for cell in await values(page)]
    assert heights[0] == heights[1]


async def test_refused_page_shows_the_reason(bridge: Any, browser_page: Page) -> None:
    page = browser_page
    await page.goto(f"http://stage.local:{bridge.port}/")
    await expect(page.locator("#refused")).to_be_visible()
    await expect(page.locator("#reason")).to_contain_text("pages of this site may not connect")
    await expect(page.locator("#empty")).to_be_hidden()
    assert bridge.refusals
