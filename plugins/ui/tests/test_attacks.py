"""Attacks on the control room of the real program: other sites, broken frames, floods, proxies."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from control_room import (
    CONFIGURATION,
    SECRETS,
    SUBPROTOCOL,
    TOKENS,
    ControlRoomProgram,
    connected,
)
from http_server import http_server
from playwright.async_api import Browser, Page, expect
from raw_client import RawClient
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from oscbridge import Message, encode_message
from oscbridge_ui.connection import COMMANDS
from oscbridge_ui.message_reader import INVALID, MAX_FIRST, MAX_MESSAGE

Open = Callable[..., Awaitable[Page]]

TEXT, BINARY, PING = 1, 2, 9
FINAL, MASKED = 0x80, 0x80
PART = MAX_MESSAGE // 8


# --- frames that are not valid ------------------------------------------------------------------


def frame(data: bytes, first: int = FINAL | TEXT, *, masked: int = MASKED) -> bytes:
    """A frame with an empty mask."""
    size = len(data)
    if size < 126:
        head = struct.pack(">BB", first, masked | size)
    elif size < 65_536:
        head = struct.pack(">BBH", first, masked | 126, size)
    else:
        head = struct.pack(">BBQ", first, masked | 127, size)
    return head + (bytes(4) if masked else b"") + data


HELLO = frame(json.dumps({"type": "hello"}).encode())


@asynccontextmanager
async def raw_page(port: int, extensions: str = "") -> AsyncIterator[RawClient]:
    """A page that is shown in no browser: it sends bytes as they are given."""
    client = RawClient(*await asyncio.open_connection("127.0.0.1", port))
    answer = await client.request(
        "GET /ui HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\n"
        "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\n{extensions}"
    )
    assert " 101 " in answer
    assert "permessage-deflate" not in answer  # a small frame could become a large message
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x" * (MAX_MESSAGE + 1)),
        struct.pack(">BBQ", FINAL | TEXT, MASKED | 127, 2**62) + bytes(4) + b"x" * 1_000,
        struct.pack(">BBQ", FINAL | TEXT, MASKED | 127, 2**64 - 1) + bytes(4),
        frame(b"x" * MAX_MESSAGE, TEXT) + frame(b"x" * 40_000, FINAL),
        frame(b"x", TEXT) + b"".join(frame(b"x" * PART, 0) for _ in range(10)),
        frame(b"{}", FINAL | 3),
        frame(b"{}", FINAL | 0x40 | TEXT),
        frame(b"x" * 200, FINAL | PING),
        frame(b"x", PING),
        frame(b"\xff\xfe"),
        frame(b"x", FINAL),
        frame(b"\x00", FINAL | BINARY),
        frame(b"\x03", FINAL | 8),
    ],
    ids=[
        *("large", "huge", "negative", "large in parts", "endless", "reserved opcode"),
        *("compressed", "large ping", "ping in parts", "no UTF-8", "no beginning", "binary"),
        "bad close",
    ],
)
async def test_broken_frame_ends_its_connection_alone(
    program: ControlRoomProgram, data: bytes
) -> None:
    async with connected(program.port) as other, raw_page(program.port) as page:
        page.write(HELLO + data)
        async with asyncio.timeout(20):
            await page.read_all()
        await other.next("pulse")


async def test_first_message_is_small(program: ControlRoomProgram) -> None:
    token = {"type": "hello", "token": "x" * 8_000}
    async with raw_page(program.port) as page:
        page.write(frame(json.dumps({**token, "more": "x" * MAX_FIRST}).encode()))
        assert b"the first message has at most" in await page.read_all()


PARTS = {
    "without an end": ['{"type": "hello'] * 40,
    "of a part": [json.dumps({"type": "part", "text": "x"})],
    "of nothing": ["]["],
}


@pytest.mark.parametrize("texts", PARTS.values(), ids=PARTS.keys())
async def test_parts_that_are_not_a_message_end_the_connection(
    program: ControlRoomProgram, texts: list[str]
) -> None:
    async with connected(program.port) as page:
        await page.next("welcome")
        with pytest.raises(ConnectionClosed) as closed:
            for number in range(100):
                text = texts[number % len(texts)] * (1_000 if len(texts) > 1 else 1)
                await page.send(type="part", text=text[:30_000], is_last=len(texts) == 1)
            await page.next("answer")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == INVALID


async def test_token_without_the_right_sends_no_parts(start: Callable[..., Any]) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        async with connected(ControlRoomProgram(process).port, SECRETS["WALL"]) as page:
            await page.send(type="part", text="x")
            with pytest.raises(ConnectionClosed) as closed:
                await page.next("answer")
    assert closed.value.rcvd is not None
    assert "configure" in closed.value.rcvd.reason


async def test_storm_of_reloads_is_one_reload_at_a_time(program: ControlRoomProgram) -> None:
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(connected(program.port)) for _ in range(3)]
        for page in pages:
            await page.next("welcome")
        for number in range(40):
            for page in pages:
                await page.send(type="reload", id=number)
        errors = []
        for page in pages:
            errors += [(await page.next("answer"))["error"] for _ in range(40)]
        assert errors.count("") >= 3  # each page was answered
        assert set(errors) <= {"", "a reload is running already"}
        program.send(encode_message(Message.of("/1/fader1", 1)))  # and all still runs
        while (await pages[0].next("pulse"))["received"] < 1:
            pass


async def test_endless_head_is_not_read(program: ControlRoomProgram) -> None:
    client = RawClient(*await asyncio.open_connection("127.0.0.1", program.port))
    client.write(b"GET /ui HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 100_000)
    assert b" 431 " in (await client.read_all())[:40]
    await client.close()


async def test_flood_of_pings_holds_up_no_other_page(program: ControlRoomProgram) -> None:
    async with connected(program.port) as other, raw_page(program.port) as page:
        page.write(HELLO)
        page.write(frame(b"x" * 125, FINAL | PING) * 20_000)  # and reads no answer
        for _ in range(3):
            await other.next("pulse")
        answer = await other.command(type="mute", routes=["faders"], on=True)
        assert answer["error"] == ""


# --- floods ---------------------------------------------------------------------------------------


async def test_commands_above_the_rate_fail(program: ControlRoomProgram) -> None:
    count = 3 * int(COMMANDS)
    one = {"type": "send", "name": "stage", "received": True, "address": "/a", "types": ""}
    async with connected(program.port) as page:
        await page.next("welcome")
        for number in range(count):
            await page.send(id=number, **one)
        errors = [(await page.next("answer"))["error"] for _ in range(count)]
        assert errors[0] == ""
        assert errors[-1] == f"too many commands: at most {COMMANDS:g} per second"
        assert errors.count("") < count - 10


async def test_subscriptions_without_end_replace_each_other(program: ControlRoomProgram) -> None:
    topics = ("watch_now", "watch_log", "watch_values")
    async with connected(program.port) as page, connected(program.port) as other:
        await page.next("welcome")
        for number in range(90):
            await page.send(type=topics[number % 3])
            if number % 7 == 0:
                await page.send(type="unwatch", topic="values")
        await page.send(type="watch_values", query="last")
        await page.command(type="mute", routes=["faders"], on=True)  # it is watched now
        program.send(encode_message(Message.of("/last", 1)))
        rows: list[Any] = []
        while not rows:
            rows = (await page.next("values"))["rows"]
        assert [row["address"] for row in rows] == ["/last"]
        await other.next("pulse")


async def test_two_hundred_pages_are_served_or_refused(program: ControlRoomProgram) -> None:
    async with AsyncExitStack() as stack:

        async def page() -> str:
            try:
                page = await stack.enter_async_context(connected(program.port))
                return str((await page.next("welcome"))["type"])
            except InvalidStatus as error:
                assert error.response.status_code == 503
                return "refused"
            except (OSError, ConnectionClosed, InvalidMessage):  # to make room for another one
                return "closed"

        found = await asyncio.gather(*(page() for _ in range(200)))
        assert found.count("welcome") > 0
        program.send(encode_message(Message.of("/1/fader1", 1)))
    async with connected(program.port) as last:  # all others are gone
        while (await last.next("pulse"))["received"] < 1:
            pass


# --- other sites ----------------------------------------------------------------------------------

STRANGER = """<!doctype html><title>stranger</title><body><script>
const tried = {};
const done = (name, result) => { tried[name] = result; };
const url = "http://stage.local:PORT/";
const socket = new WebSocket("ws://stage.local:PORT/ui", "oscbridge.ui.1");
socket.onopen = () => done("socket", "open");
socket.onerror = () => done("socket", "refused");
fetch(url + "metrics").then(() => done("fetch", "read"), () => done("fetch", "refused"));
fetch(url, {mode: "no-cors"})
  .then((each) => done("blind", each.type), () => done("blind", "refused"));
const frame = document.createElement("iframe");
frame.src = url;
frame.onload = () => {
  let seen = "nothing";
  try { seen = frame.contentDocument ? "document" : "nothing"; } catch { }
  done("frame", seen);
};
document.body.append(frame);
</script>"""


@contextmanager
def site(folder: Path, text: str) -> Iterator[int]:
    """A web server with one page, and its port."""
    (folder / "index.html").write_text(text)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with http_server(handler) as port:
        yield port


@pytest.mark.parametrize("host", ["evil.example", "stage.local"])
async def test_page_of_another_site_sees_and_does_nothing(
    program: ControlRoomProgram, mapped_browser: Browser, tmp_path: Path, host: str
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    with site(folder, STRANGER.replace("PORT", str(program.port))) as port:
        page = await (await mapped_browser.new_context()).new_page()
        await page.goto(f"http://{host}:{port}/")
        await page.wait_for_function("Object.keys(tried).length === 4")
        tried = await page.evaluate("tried")
    assert tried["socket"] == "refused"
    assert tried["fetch"] == "refused"
    assert tried["frame"] == "nothing"
    assert tried["blind"] in ("refused", "opaque")


async def test_rebound_name_shows_no_page(
    program: ControlRoomProgram, mapped_browser: Browser
) -> None:
    page = await (await mapped_browser.new_context()).new_page()
    response = await page.goto(f"http://evil.example:{program.port}/")
    assert response is not None
    assert response.status == 421


# --- requests through proxies ---------------------------------------------------------------------

HEADERS = (
    *("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
    *("x-forwarded-port", "X-FORWARDED-FOR", "X-Real-IP", "X-Ingress-Path", "Via"),
)


async def denied(program: ControlRoomProgram, **headers: str) -> dict[str, Any]:
    options = {"additional_headers": {key.replace("_", "-"): headers[key] for key in headers}}
    async with connected(program.port, **options) as page:
        return await page.next("denied")


@pytest.mark.parametrize("header", HEADERS)
async def test_request_through_a_proxy_never_counts_as_from_this_machine(
    program: ControlRoomProgram, header: str
) -> None:
    for value in ("127.0.0.1", "for=127.0.0.1", "::1", "", "localhost, 127.0.0.1"):
        found = await denied(program, **{header: value})
        assert "comes through a proxy" in found["reason"]


async def test_ingress_counts_from_trusted_proxies_alone(start: Callable[..., Any]) -> None:
    ingress = {"X-Ingress-Path": "/api/hassio_ingress/1"}
    trusted = CONFIGURATION.replace("[bridge", 'trusted_proxies = ["127.0.0.1"]\n\n[bridge', 1)
    other = trusted.replace('["127.0.0.1"]', '["192.0.2.1"]')
    with start(trusted) as process:
        port = ControlRoomProgram(process).port
        async with connected(port, additional_headers=ingress) as page:
            assert (await page.next("welcome"))["rights"] == ["listen", "send", "configure"]
        for header in ("X-Forwarded-For", "Forwarded"):  # nobody has logged in
            assert await denied(ControlRoomProgram(process), **{header: "127.0.0.1"})
    with start(other) as process:
        assert await denied(ControlRoomProgram(process), **ingress)


# --- text of strangers ----------------------------------------------------------------------------

HTML = '<img src=x onerror="document.title=1"><script>document.title=2</script>'


async def test_hostile_text_stays_text_wherever_it_is_shown(
    program: ControlRoomProgram, open_page: Open
) -> None:
    address = f"/{HTML.replace(' ', '&nbsp;')}"
    page = await open_page(f"{program.url}values")
    await expect(page.get_by_text("No message has")).to_be_visible()
    program.send(encode_message(Message.of(address, 0.5)), encode_message(Message.of("/t", HTML)))
    line = page.get_by_role("listitem").filter(has=page.get_by_title(address, exact=True))
    await line.get_by_role("checkbox").click()
    plot = page.get_by_role("region", name="Plot of the chosen values")
    await expect(plot.get_by_role("row").filter(has_text=address)).to_be_visible()
    await line.get_by_role("button", name=address, exact=True).click()
    await expect(page.get_by_role("slider", name=f"Value of {address}")).to_be_visible()
    await page.get_by_role("button", name="/t", exact=True).click()
    await expect(page.get_by_label("Value of /t")).to_have_value(HTML)
    await page.get_by_role("searchbox").fill(HTML)
    await page.get_by_role("link", name="Now").first.click()
    await page.get_by_role("button", name="stage").first.click()
    await page.get_by_role("link", name="Log").first.click()
    await expect(page.locator("img, iframe")).to_have_count(0)
    assert await page.title() == "Log · oscbridge"
