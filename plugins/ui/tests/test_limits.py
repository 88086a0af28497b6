"""What the bridge would not read is refused by the page, in plain words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from control_room import CONFIGURATION, SECRETS, TOKENS, ControlRoomProgram
from playwright.async_api import Page, expect

from oscbridge import Message, encode_message
from oscbridge_ui.protocol_base import MAX_LARGE, MAX_TOKEN

Open = Callable[..., Awaitable[Page]]
Start = Callable[..., Any]


async def test_token_that_is_too_long_is_not_sent(start: Start, open_page: Open) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}#token={'x' * (MAX_TOKEN + 1)}")
        field = page.get_by_label("Token")
        await expect(field).to_be_visible()
        await field.fill("x" * (MAX_TOKEN + 1))
        await expect(page.get_by_role("alert")).to_have_text(
            "A token has at most 8,192 characters."
        )
        await expect(page.get_by_role("button", name="Connect")).to_be_disabled()
        await field.fill("x" * MAX_TOKEN)
        await expect(page.get_by_role("alert")).to_have_count(0)
        await field.fill(SECRETS["FOH"])
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()


async def test_text_that_is_too_large_to_send_is_refused(start: Start, open_page: Open) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}values#token={SECRETS['WALL']}")
        await expect(page.get_by_text("No message has arrived yet.")).to_be_visible()
        program.send(encode_message(Message.of("/name", "Ariel")))
        await page.get_by_role("button", name="/name", exact=True).click()
        await page.get_by_label("Value of /name").fill("x" * 20_000)
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text(
            "without the right configure, the bridge takes at most 20,000 characters"
        )
        await expect(page.get_by_text("Connected").first).to_be_visible()


async def test_option_that_is_too_large_is_refused(
    program: ControlRoomProgram, open_page: Open
) -> None:
    page = await open_page(f"{program.url}routes")
    await expect(page.get_by_role("button", name="New route")).to_be_enabled()
    await page.get_by_role("table").get_by_role("button", name="faders").click()
    form = page.get_by_role("form", name="Edit route faders")
    await form.get_by_role("textbox", name="match").fill("/" + "x" * MAX_LARGE)
    await expect(form.get_by_text("at most 1,048,576 characters")).to_be_visible()
    await expect(page.get_by_text("Connected").first).to_be_visible()
