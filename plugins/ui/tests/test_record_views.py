"""The view Record in a browser, against the real program, with liblo at both ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from control_room import CONFIGURATION, ControlRoomProgram
from control_room_views import Open
from playwright.async_api import Locator, Page, expect
from ports import free_port
from programs import find_program

from oscbridge import Message, encode_message
from oscbridge.recording import (
    Record,
    Recording,
    encode_end,
    encode_header,
    encode_record,
)

ROUTE = """
[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:{port}"

[[route]]
from  = "stage"
match = "/cue"
to    = "desk"
"""


@contextmanager
def oscdump(port: int) -> Iterator[Callable[[str], int]]:
    """The receiver of liblo. Counts the messages until one with this text."""
    command = [find_program("oscdump"), "-L", f"osc.udp://:{port}/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout

        def count_until(text: str) -> int:
            for number, line in enumerate(lines, 1):
                if text in line:
                    return number
            raise AssertionError("oscdump has ended")

        try:
            yield count_until
        finally:
            process.kill()


def send(program: ControlRoomProgram, *cues: int) -> None:
    """Send with liblo."""
    port = str(program.process.port("stage"))
    for cue in cues:
        command = [find_program("oscsend"), "127.0.0.1", port, "/cue", "i", str(cue)]
        subprocess.run(command, check=True)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem", name=name, exact=True)


@pytest.mark.timeout(150)
async def test_recording_is_made_downloaded_uploaded_played_and_received(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    port = free_port()
    text = CONFIGURATION + ROUTE.format(port=port)
    with start(text) as process, oscdump(port) as received_until:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}record")
        await expect(page.get_by_text("No recordings yet.")).to_be_visible()
        await page.get_by_label("Name").fill("../Act 1")
        await page.get_by_role("button", name="Record", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("not a valid name")
        await page.get_by_label("Name").fill("Act 1")
        await page.get_by_role("button", name="Record", exact=True).click()
        recorder = page.get_by_role("region", name="Recorder")
        await expect(recorder).to_contain_text("0 messages")
        send(program, 1, 2, 3)
        assert received_until("/cue i 3") == 3
        await expect(recorder).to_contain_text("6 messages")  # three in, three out
        assert await violations(page) == []
        await recorder.get_by_role("button", name="Stop").click()
        await expect(page.get_by_text("Act 1: recorded 6 messages")).to_be_visible()

        async with page.expect_download() as download:
            await row(page, "Act 1").get_by_role("button", name="Download").click()
        assert (await download.value).suggested_filename == "Act 1.oscrec"
        path = tmp_path / "From elsewhere.oscrec"
        await (await download.value).save_as(path)
        with path.open("rb") as file:
            assert len(list(Recording(file))) == 6
        remove = row(page, "Act 1").get_by_role("button", name="Remove")
        await remove.click()
        await remove.click()
        await expect(row(page, "Act 1")).to_have_count(0)

        await page.locator("input[type=file]").set_input_files(path)
        await row(page, "From elsewhere").get_by_role("button", name="Play").click()
        assert received_until("/cue i 3") == 3
        await expect(page.get_by_text("From elsewhere: played 3 messages")).to_be_visible()
        wrong = tmp_path / "wrong.oscrec"
        wrong.write_bytes(b"<script>alert(1)</script>")
        await page.locator("input[type=file]").set_input_files(wrong)
        await expect(page.get_by_role("alert")).to_contain_text("not a recording")

        # The commands play the same file, and this is where the view has it.
        command = [str(Path(sys.executable).with_name("oscbridge")), "play", str(path), "--to"]
        url = f"udp://127.0.0.1:{process.port('stage')}"
        subprocess.run([*command, url, "--speed", "max"], check=True, capture_output=True)
        assert received_until("/cue i 3") == 3


async def test_player_has_progress_seek_speed_loop_and_pause(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    second = 1_000_000_000
    records = [
        Record(at * second, "in", "stage", "", encode_message(Message.of("/cue", at)))
        for at in (0, 100, 200, 300)
    ]
    path = tmp_path / "Long.oscrec"
    parts = (encode_header(second), *map(encode_record, records), encode_end(400 * second))
    path.write_bytes(b"".join(parts))
    port = free_port()
    text = CONFIGURATION + ROUTE.format(port=port)
    with start(text) as process, oscdump(port) as received_until:
        page = await open_page(f"{ControlRoomProgram(process).url}record", "phone")
        await page.locator("input[type=file]").set_input_files(path)
        await expect(row(page, "Long")).to_contain_text("6:40.0")
        await page.get_by_role("button", name="Loop").click()
        await row(page, "Long").get_by_role("button", name="Play").click()
        player = page.get_by_role("region", name="Player")
        await expect(player).to_contain_text("1 message received again")
        assert received_until("/cue i 0") == 1
        slider = player.get_by_role("slider", name="Position in the recording")
        await slider.fill("199.6")
        assert received_until("/cue i 200") == 1
        await player.get_by_role("button", name="Pause").click()
        await expect(player.get_by_role("heading", name="Paused")).to_be_visible()
        await expect(player.get_by_role("button", name="Loop")).to_have_attribute(
            "aria-pressed", "true"
        )
        assert await violations(page) == []
        await slider.fill("399.6")
        await player.get_by_label("Speed").select_option("10")
        await player.get_by_role("button", name="Resume").click()
        assert received_until("/cue i 0") == 1  # the loop begins again
        await expect(player).to_contain_text("round 2")
        await player.get_by_role("button", name="Stop").click()
        await expect(player.get_by_role("heading", name="Play", exact=True)).to_be_visible()


async def test_view_is_not_there_for_a_limited_token(
    start: Callable[..., Any], open_page: Open
) -> None:
    token = (
        '[[token]]\nname = "band"\nsecret = { env = "BAND" }\naddresses = ["/band/*"]\n'
        'rights = ["listen", "send", "configure"]\n'
    )
    with start(CONFIGURATION + token, env={"BAND": "band-secret-123"}) as process:
        url = ControlRoomProgram(process).url
        page = await open_page(f"{url}record#token=band-secret-123")
        await expect(page.get_by_text("This token does not show Record.")).to_be_visible()
        rail = page.get_by_role("complementary").get_by_role("navigation")
        await expect(rail.get_by_role("link")).to_have_text(["Now", "Values", "Surface"])


async def test_without_the_right_the_view_shows_and_does_nothing(
    start: Callable[..., Any], open_page: Open
) -> None:
    token = '[[token]]\nname = "wall"\nsecret = { env = "WALL" }\nrights = ["listen"]\n'
    with start(CONFIGURATION + token, env={"WALL": "wall-secret-123"}) as process:
        url = ControlRoomProgram(process).url
        page = await open_page(f"{url}record#token=wall-secret-123")
        await expect(page.get_by_text("need a token with the right configure")).to_be_visible()
        await expect(page.get_by_role("button", name="Record", exact=True)).to_be_disabled()
        await expect(page.locator("input[type=file]")).to_be_disabled()
