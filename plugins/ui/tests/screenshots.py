"""Pictures of the control room, of a show that runs: ``python plugins/ui/tests/screenshots.py``.

It writes the set of ``docs/control-room``. With a folder as an argument it writes all views at all
sizes there instead, to be looked at; ``--seconds`` is how long the show has run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

REPOSITORY: Final = Path(__file__).parents[3]
sys.path.insert(0, str(REPOSITORY / "tests" / "support"))

from control_room import ControlRoomPage, connected  # noqa: E402
from playwright.async_api import Browser, Page, async_playwright  # noqa: E402
from ports import free_port  # noqa: E402
from programs import find_program  # noqa: E402
from show import ShowTraffic, many_endpoints, theatre  # noqa: E402
from show_surface import theatre_surface  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

from oscbridge import Message, encode_message  # noqa: E402
from oscbridge.testing import OscbridgeProcess  # noqa: E402

DOCS: Final = REPOSITORY / "docs" / "control-room"
READY: Final = "Ctrl-C stops it"
SIZES: Final = {
    "small": (360, 740, 2),
    "phone": (390, 844, 2),
    "tablet": (820, 1180, 1),
    "desktop": (1280, 900, 1),
    "large": (1920, 1080, 1),
    "4k": (3840, 2160, 1),
}
View: TypeAlias = tuple[str, Callable[[Page], Awaitable[None]]]
"""The path of a view, and what brings it into the state that is shown."""
Send: TypeAlias = Callable[[bytes], object]
SHOWN: Final = ("desktop", "phone")
"""Sizes that the documentation shows."""
SCHEMES: Final = ("dark", "light")


async def now(page: Page) -> None:
    await page.get_by_role("heading", name="needs you").wait_for()


async def values(page: Page) -> None:
    for number in (1, 2):
        await page.get_by_role("checkbox", name=f"Plot /1/fader{number}", exact=True).click()
    await page.get_by_role("button", name="/1/fader3", exact=True).click()


async def controls(page: Page) -> None:
    for address in ("/toggle/safe", "/pan", "/light/1/colour", "/xy", "/cue/name"):
        await page.get_by_role("searchbox").fill(address)
        await page.get_by_role("button", name=address, exact=True).click()
    await page.get_by_role("searchbox").fill("")
    await page.get_by_title("/light/1/colour", exact=True).scroll_into_view_if_needed()


async def log(page: Page) -> None:
    await page.get_by_role("log").wait_for()


async def routes(page: Page) -> None:
    await page.get_by_role("table").get_by_role("button", name="faders").click()
    await page.get_by_label("Live trace of this draft").get_by_role("listitem").first.wait_for()


async def learn(page: Page, *, source: Send, target: Send) -> None:
    """A knob of the stage, and a fader of the desk that should follow it."""
    for role, send, address in (
        ("control", source, "/1/rotary2"),
        ("target", target, "/bus/3/level"),
    ):
        await page.get_by_text(f"Move the {role} now, then release it.").wait_for()
        for step in range(30):
            send(encode_message(Message.of(address, step / 29)))
            await page.wait_for_timeout(40)
    await page.get_by_role("region", name="The route").get_by_label("Name").wait_for()


async def devices(page: Page) -> None:
    await page.get_by_role("heading", name="Known devices").wait_for()
    await page.get_by_text("looking…").wait_for(state="hidden")


async def surface(page: Page) -> None:
    await page.get_by_role("button", name="Arrange").wait_for()


async def record(page: Page) -> None:
    await page.get_by_role("list").first.wait_for()


VIEWS: Final[Mapping[str, View]] = {
    "now": ("", now),
    "values": ("values", values),
    "controls": ("values", controls),
    "routes": ("routes", routes),
    "devices": ("devices", devices),
    "surface": ("surface", surface),
    "record": ("record", record),
    "log": ("log", log),
}


async def picture(
    browser: Browser, url: str, size: str, scheme: str, file: Path, view: View = VIEWS["now"]
) -> None:
    """One picture; fails on errors of the page, and if something is wider than the window."""
    width, height, ratio = SIZES[size]
    path, prepare = view
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=ratio,
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=width < 800,
    )
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{url}{path}")
    await prepare(page)
    if prepare is not controls:
        await page.evaluate("scrollTo(0, 0)")
    await page.wait_for_timeout(1_500)  # the lines are drawn
    await page.screenshot(path=file)
    wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{file.name}: {wide} px wider than the window"
    assert not errors, errors
    await context.close()
    print(file)


def run(text: str, name: str, folder: Path) -> OscbridgeProcess:
    """The program with a configuration of this name."""
    file = folder / name
    file.write_text(text)
    env = {each: os.environ[each] for each in os.environ if not each.startswith("XDG_")}
    env |= {"OSCBRIDGE_RUNTIME_DIR": str(folder), "HOME": str(folder)}
    process = OscbridgeProcess("run", str(file), env=env)
    process.wait_for(READY)
    return process


async def show(folder: Path, sizes: tuple[str, ...], seconds: float, runtime: Path) -> None:
    """Pictures of the theatre."""
    async with AsyncExitStack() as stack:
        desk = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        desk.bind(("127.0.0.1", 0))
        (runtime / "theatre.surface.json").write_text(theatre_surface())
        process = run(theatre(desk.getsockname()[1], free_port()), "theatre.toml", runtime)
        stack.callback(process.close)
        for _ in range(2):
            client: Any = connect(f"ws://127.0.0.1:{process.port('dashboard')}", max_size=None)
            connection = await stack.enter_async_context(client)
            reading = asyncio.create_task(_read(connection))
            stack.callback(reading.cancel)
        stack.enter_context(ShowTraffic(process))
        url = f"http://127.0.0.1:{process.port('http')}/"
        await _record(process.port("http"))
        await _happen(process)
        browser = await stack.enter_async_context(StartedBrowser())
        first = await browser.new_page()
        await first.goto(f"{url}values")  # the history of values begins
        await asyncio.sleep(seconds)
        is_whole = len(sizes) > len(SHOWN)
        move = partial(learn, source=partial(process.send, "stage"), target=_desk_sender(desk))
        for name, view in {**VIEWS, "learn": ("learn", move)}.items():
            for size in sizes if is_whole or view is not VIEWS["controls"] else ():
                for scheme in SCHEMES:
                    file = folder / f"{name}-{size}-{scheme}.png"
                    await picture(browser, url, size, scheme, file, view)


async def _record(port: int) -> None:
    """Make two recordings, and start a third one."""
    async with connected(port) as page:
        await page.next("welcome")
        for name, seconds in (("Sound check", 3), ("Rehearsal act 1", 5)):
            await _start(page, name)
            await asyncio.sleep(seconds)
            await page.command(type="stop_recording")
        await _start(page, "Evening show")


def _desk_sender(desk: socket.socket) -> Send:
    """Sends from the desk to the endpoint that sends to it."""
    _, endpoint = desk.recvfrom(1 << 16)
    return lambda packet: desk.sendto(packet, endpoint)


async def _happen(process: OscbridgeProcess) -> None:
    """Let things happen that the log shows."""
    async with connected(process.port("http")) as page:
        await page.next("welcome")
        await page.command(type="mute", routes=["lights"], on=True)
        await page.command(type="mute", routes=["lights"], on=False)
        process.send("stage", b"not OSC")


async def _start(page: ControlRoomPage, name: str) -> None:
    """Start a recording, once the one before it has ended."""
    while (await page.command(type="start_recording", name=name))["error"]:
        await asyncio.sleep(0.1)


async def _read(connection: Any) -> None:
    async for _ in connection:
        pass


class StartedBrowser:
    """Debian's Chromium."""

    async def __aenter__(self) -> Browser:
        self._playwright = await async_playwright().start()
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        self._found = await self._playwright.chromium.launch(
            executable_path=find_program("chromium"), args=arguments
        )
        return self._found

    async def __aexit__(self, *error: object) -> None:
        await self._found.close()
        await self._playwright.stop()


async def crowd(folder: Path, runtime: Path) -> None:
    """Pictures of sixty endpoints, and of a bridge where nothing has arrived yet."""
    async with AsyncExitStack() as stack:
        desk = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        desk.bind(("127.0.0.1", 0))
        browser = await stack.enter_async_context(StartedBrowser())
        port = desk.getsockname()[1]
        for name, count in (("sixty", 60), ("two", 2)):
            process = run(many_endpoints(count, port), f"{name}.toml", runtime)
            stack.callback(process.close)
            url = f"http://127.0.0.1:{process.port('http')}/"
            for size in SIZES:
                file = folder / f"{name}-{size}-dark.png"
                await picture(browser, url, size, "dark", file, ("", _heading))


async def _heading(page: Page) -> None:
    await page.get_by_role("heading", name="Everything is running.").wait_for()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="for all views at all sizes")
    parser.add_argument("--seconds", type=float, default=310.0, help="how long the show has run")
    options = parser.parse_args()
    sizes = SHOWN if options.folder is None else tuple(SIZES)
    folder = options.folder or DOCS
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as runtime:
        asyncio.run(show(folder, sizes, options.seconds, Path(runtime)))
        if options.folder is not None:
            asyncio.run(crowd(folder, Path(runtime)))


if __name__ == "__main__":
    main()
