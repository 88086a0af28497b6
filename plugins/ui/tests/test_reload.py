"""Reloads that a page asks for: they run to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from control_room import CONFIGURATION, ControlRoomPage, ControlRoomProgram, connected
from ports import free_port

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
