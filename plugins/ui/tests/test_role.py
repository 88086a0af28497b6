"""The role of a bridge with a backup, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from control_room import CONFIGURATION, ControlRoomProgram
from control_room_views import Open
from page_checks import overflow, send_some, violations
from playwright.async_api import expect

PLUGIN = '''
from pathlib import Path

import oscbridge
from oscbridge import Lease

HOLDER = Path(__file__).with_name("holder")


class Lessor(oscbridge.Endpoint, oscbridge.GrantsLeases[oscbridge.Options]):
    """Grants the lease to whom the file names, and to everybody without one."""

    async def acquire_lease(self, key: str, holder: str, seconds: float) -> Lease:
        return Lease(HOLDER.read_text() if HOLDER.exists() else holder)

    async def find_lease(self, key: str) -> Lease:
        return Lease("")

    async def release_lease(self, key: str, holder: str) -> None:
        pass


@oscbridge.hookimpl
def oscbridge_endpoints() -> oscbridge.EndpointTypes:
    return {"lessor": Lessor}
'''


async def test_the_role_is_shown_and_what_the_other_bridge_delivers_is_not_lost(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "lessor"
    folder.mkdir()
    (folder / "oscbridge_lessor.py").write_text(PLUGIN)
    leader = f'[run]\nplugins = "{folder}"\nleader = {{ endpoint = "hub" }}\n'
    with start(f'{CONFIGURATION}\n[endpoint.hub]\ntype = "lessor"\n{leader}') as process:
        program = ControlRoomProgram(process)
        page = await open_page(program.url)
        verdict = page.locator(".verdict")
        await expect(verdict).to_contain_text("Leader")
        (folder / "holder").write_text("stage-left-4f1b22")
        await expect(verdict).to_contain_text("Standby stage-left-4f1b22 delivers")
        send_some(program)
        await page.get_by_role("button", name="web").first.click()
        details = page.get_by_role("complementary", name="Details of web")
        await expect(details).to_contain_text("Left to the other bridge3")
        await expect(verdict).to_contain_text("Everything is running.")
        await expect(verdict).to_contain_text("Nothing is lost.")
        assert await violations(page) == []
        assert await overflow(page) <= 0
