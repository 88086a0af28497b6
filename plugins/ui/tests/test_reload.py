"""Reloads that a page asks for: they run to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected
from ports import free_port

from oscbridge import Message, encode_message

RENAMED = CONFIGURATION.replace('"faders"', '"renamed"')


async def wait_for_route(page: ControlRoomPage, name: str) -> None:
    """Wait until there is a route of this name."""
    await page.send(type="watch_now")
    while f"route.{name}" not in ((await page.next("now"))["order"] or ()):
        pass


async def test_reload_goes_on_when_its_page_is_gone(
    program: ControlRoomProgram, tmp_path: Path
) -> None:
    async with connected(program.port) as other:
        (tmp_path / "test.toml").write_text(RENAMED)
        async with connected(program.port) as page:
            await page.next("welcome")
            await page.send(type="reload", id=1)
        await wait_for_route(other, "renamed")


async def test_reload_may_move_the_server_of_the_page(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    with start() as process:
        port = free_port()
        moved = RENAMED.replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"', 1)
        async with connected(ControlRoomProgram(process).port) as page:
            await page.next("welcome")
            (tmp_path / "test.toml").write_text(moved)
            await page.send(type="reload", id=1)
            process.wait_for("reloaded ")
        async with connected(port) as page:
            await wait_for_route(page, "renamed")


@pytest.mark.parametrize("mode", ["asyncio", "forking"])
async def test_values_name_the_endpoints_that_routes_lead_them_to(
    start: Callable[..., Any], tmp_path: Path, mode: str
) -> None:
    """Also where a route renames them; and others after a reload."""

    async def receivers(page: ControlRoomPage, *addresses: str) -> dict[str, list[str]]:
        await page.send(type="watch_values")
        program.send(*(encode_message(Message.of(each, 1)) for each in ("/1/fader1", "/other")))
        rows: list[dict[str, Any]] = []
        while not {row["address"] for row in rows}.issuperset(addresses):
            rows += (await page.next("values"))["rows"]
        return {row["address"]: row["receivers"] for row in rows}

    text = CONFIGURATION.replace("[bridge.stage]", f'[bridge.stage]\nmode = "{mode}"')
    with start(text) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port) as page:
            await page.next("welcome")
            found = await receivers(page, "/1/fader1", "/ch/1/level", "/other")
            assert found == {"/1/fader1": ["web"], "/ch/1/level": [], "/other": []}
            wider = text.replace("/1/fader{n}", "/*").replace("/ch/{n}/level", "/a")
            (tmp_path / "test.toml").write_text(wider)
            assert (await page.command(type="reload"))["error"] == ""
            found = await receivers(page, "/1/fader1", "/other")
            assert (found["/1/fader1"], found["/other"]) == (["web"], ["web"])
