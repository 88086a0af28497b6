"""The view Routes in a browser, against the real program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from control_room import CONFIGURATION, ControlRoomProgram
from playwright.async_api import Locator, Page, expect

from oscbridge import Message, encode_message

Open = Callable[..., Awaitable[Page]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "test.toml"


@pytest.fixture
async def page(program: ControlRoomProgram, open_page: Open) -> AsyncIterator[Page]:
    yield await opened(program, open_page)


async def opened(program: ControlRoomProgram, open_page: Open, *look: str) -> Page:
    """The view, with the configuration."""
    page = await open_page(f"{program.url}routes", *look)
    await expect(page.get_by_role("button", name="New route")).to_be_enabled()
    return page


async def form_of(page: Page, name: str) -> Locator:
    """The open form of a route."""
    await page.get_by_role("table").get_by_role("button", name=name).click()
    return page.get_by_role("form", name=f"Edit route {name}")


async def fill(form: Locator, key: str, value: str) -> None:
    await form.get_by_role("textbox", name=key).fill(value)


async def save(form: Locator) -> None:
    await expect(form.get_by_role("button", name="Save and reload")).to_be_enabled()
    await form.get_by_role("button", name="Save and reload").click()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
async def test_routes_are_accessible(
    program: ControlRoomProgram, open_page: Open, size: str, scheme: str
) -> None:
    page = await opened(program, open_page, size, scheme)
    assert await violations(page) == []
    form = await form_of(page, "faders")
    await fill(form, "limit", "30") if size == "desktop" else await fill(form, "match", "x")
    await expect(form.get_by_role("alert").or_(form.locator(".err")).first).to_be_visible()
    assert await violations(page) == []
    await form.get_by_role("button", name="Close").click()
    await page.get_by_role("button", name="Edit as text").click()
    await expect(page.get_by_role("textbox", name="Text of the configuration file")).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_edit_shows_its_difference_is_saved_and_undone(page: Page, file: Path) -> None:
    before = file.read_text()
    form = await form_of(page, "faders")
    await fill(form, "match", "/2/fader{n}")
    await expect(form.get_by_label("What saving changes")).to_contain_text('+match = "/2/fader{n}"')
    assert file.read_text() == before
    await save(form)
    await expect(page.get_by_text("Saved and reloaded")).to_be_visible()
    assert file.read_text() == before.replace("/1/fader{n}", "/2/fader{n}")
    await expect(page.get_by_role("table")).to_contain_text("/2/fader{n}")
    await page.get_by_role("status").get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("table")).to_contain_text("/1/fader{n}")
    assert file.read_text() == before


async def test_problem_is_shown_at_its_field_and_prevents_the_save(page: Page) -> None:
    form = await form_of(page, "faders")
    await fill(form, "match", "fader")
    await expect(form.get_by_text("must start with '/' or '*'").first).to_be_visible()
    await expect(form.get_by_role("button", name="Save and reload")).to_be_disabled()


async def test_last_messages_pass_the_draft(page: Page, program: ControlRoomProgram) -> None:
    program.send(encode_message(Message("/1/fader3", "f", (0.5,))))
    table = page.get_by_role("table")
    await expect(table).to_contain_text("/1/fader3 0.5")
    await expect(table).to_contain_text("/ch/3/level 0.5")
    form = await form_of(page, "faders")
    await fill(form, "send", "/draft/{n} {0}")
    trace = form.get_by_role("region", name="Live trace of this draft")
    await expect(trace).to_contain_text("/draft/3 0.5")
    await trace.get_by_role("textbox", name="Try").fill("/1/fader7 1")
    await expect(trace).to_contain_text("/draft/7 1")


async def test_route_is_added_duplicated_moved_and_removed(page: Page, file: Path) -> None:
    await page.get_by_role("button", name="New route").click()
    form = page.get_by_role("form", name="New route")
    await form.get_by_role("group", name="From").get_by_role("button", name="stage").click()
    await form.get_by_role("group", name="To").get_by_role("button", name="web").click()
    await fill(form, "name", "mutes")
    await save(form)
    table = page.get_by_role("table")
    await expect(table.get_by_role("button", name="mutes")).to_be_visible()

    form = await form_of(page, "mutes")
    await form.get_by_role("button", name="Duplicate").click()
    await save(page.get_by_role("form", name="New route"))
    await expect(table.get_by_role("button", name="mutes-2")).to_be_visible()

    form = await form_of(page, "mutes-2")
    await form.get_by_role("button", name="Move up").click()
    await save(page.get_by_role("region", name="Move mutes-2 up"))
    names = table.locator(".nm")
    await expect(names).to_have_text(["faders", "mutes-2", "mutes"])

    form = await form_of(page, "mutes-2")
    await form.get_by_role("button", name="Remove").click()
    await save(page.get_by_role("region", name="Remove mutes-2"))
    await expect(names).to_have_text(["faders", "mutes"])
    assert "mutes-2" not in file.read_text()


async def test_mute_switch_mutes_the_route(page: Page) -> None:
    switch = page.get_by_role("switch", name="faders on")
    await expect(switch).to_be_checked()
    await switch.click()
    await expect(switch).not_to_be_checked()


async def test_two_editors_conflict_in_one_place(
    program: ControlRoomProgram, open_page: Open, file: Path
) -> None:
    one, other = await opened(program, open_page), await opened(program, open_page)
    first, second = await form_of(one, "faders"), await form_of(other, "faders")
    await fill(second, "match", "/second{n}")
    await expect(second.get_by_label("What saving changes")).to_contain_text("/second{n}")
    await fill(first, "match", "/first{n}")
    await save(first)
    await expect(one.get_by_text("Saved and reloaded")).to_be_visible()
    await expect(second.get_by_text("changed elsewhere in the same place")).to_be_visible()
    await expect(second.get_by_role("button", name="Save and reload")).to_be_disabled()
    await second.get_by_role("button", name="Compare with the file as it is now").click()
    await expect(second.get_by_label("What saving changes")).to_contain_text('-match = "/first{n}"')
    assert "/first{n}" in file.read_text()


async def test_two_editors_in_different_places_are_both_kept(
    program: ControlRoomProgram, open_page: Open, file: Path
) -> None:
    one, other = await opened(program, open_page), await opened(program, open_page)
    first = await form_of(one, "faders")
    await fill(first, "match", "/first{n}")
    await other.get_by_role("button", name="New route").click()
    second = other.get_by_role("form", name="New route")
    await second.get_by_role("group", name="From").get_by_role("button", name="stage").click()
    await second.get_by_role("group", name="To").get_by_role("button", name="web").click()
    await fill(second, "name", "second")
    await save(first)
    await expect(one.get_by_text("Saved and reloaded")).to_be_visible()
    await save(second)
    await expect(other.get_by_text("Saved and reloaded")).to_be_visible()
    assert "/first{n}" in file.read_text()
    assert '"second"' in file.read_text()


async def test_text_is_completed_checked_and_saved(page: Page, file: Path) -> None:
    await page.get_by_role("button", name="Edit as text").click()
    editor = page.get_by_role("textbox", name="Text of the configuration file")
    await editor.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type('\n[[route]]\nname = "typed"\nfrom = "stage"\nto = "nobody"\nlim')
    await page.get_by_role("option", name="limit").click()
    await page.keyboard.type('"5/s"')
    panel = page.get_by_role("region", name="Configuration as text")
    await expect(panel).to_contain_text("no such bridge or endpoint")
    await expect(panel.locator(".cm-lint-marker-error")).to_be_visible()
    await expect(panel.get_by_role("button", name="Save and reload")).to_be_disabled()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("ArrowLeft")
    text = (await editor.inner_text()).replace("nobody", "web")
    await editor.fill(text)
    await save(panel)
    await expect(page.get_by_text("Saved and reloaded")).to_be_visible()
    assert 'name = "typed"' in file.read_text()


async def test_pointing_at_a_key_of_the_text_explains_it(page: Page) -> None:
    await page.get_by_role("button", name="Edit as text").click()
    editor = page.get_by_role("textbox", name="Text of the configuration file")
    await editor.get_by_text("match", exact=False).first.hover()
    panel = page.get_by_role("region", name="Configuration as text")
    await expect(panel.locator(".cm-tooltip .help")).to_contain_text("{name} captures one part")


async def test_undone_version_is_redone(page: Page, file: Path) -> None:
    form = await form_of(page, "faders")
    await fill(form, "match", "/2/fader{n}")
    await save(form)
    await expect(page.get_by_text("Saved and reloaded")).to_be_visible()
    after = file.read_text()
    versions = page.get_by_role("region", name="Saved versions")
    await versions.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("table")).to_contain_text("/1/fader{n}")
    await versions.get_by_role("button", name="Redo").click()
    await expect(page.get_by_role("table")).to_contain_text("/2/fader{n}")
    await expect(versions.get_by_role("button", name="Undo")).to_be_enabled()
    assert file.read_text() == after


async def test_read_only_file_offers_its_text(page: Page, file: Path) -> None:
    file.chmod(0o444)
    form = await form_of(page, "faders")
    await fill(form, "match", "/other{n}")
    await save(form)
    await expect(form.get_by_role("alert")).to_contain_text("read-only")
    await expect(form.get_by_role("textbox", name="copy this text")).to_have_value(
        CONFIGURATION.replace("/1/fader{n}", "/other{n}")
    )


async def test_token_without_configure_only_looks(
    start: Callable[..., Any], open_page: Open
) -> None:
    token = '[[token]]\nname = "foh"\nsecret = { env = "FOH" }\n'
    with start(CONFIGURATION + token, env={"FOH": "foh-secret-12"}) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}routes#token=foh-secret-12")
        await expect(page.get_by_text("needs a token with the right configure")).to_be_visible()
        await expect(
            page.get_by_role("table").get_by_role("button", name="faders")
        ).to_be_disabled()
        await expect(page.get_by_role("button", name="New route")).to_have_count(0)
