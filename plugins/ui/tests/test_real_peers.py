"""Every view in Chromium, with programs of others: liblo, Mosquitto and MIDI over TCP of mido.

Errors on the console and violations of the policy fail, see conftest.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import mido  # type: ignore[import-untyped]
import mido.sockets  # type: ignore[import-untyped]
import pytest
from control_room import ControlRoomProgram
from mosquitto_broker import Mosquitto
from playwright.async_api import Locator, Page, expect
from ports import free_port
from programs import find_program
from udp_sockets import udp_socket

from oscbridge.testing import running_process, until

CONFIGURATION = """
[http]
listen = "127.0.0.1:0"

[bridge.stage]
listen = "udp://127.0.0.1:0"

[endpoint.desk]
type = "osc"
to   = "udp://127.0.0.1:{desk}"

[endpoint.house]
type      = "mqtt"
broker    = "mqtt://127.0.0.1:{broker}"
subscribe = ["lights/#"]
on_start  = "retry"

[endpoint.keys]
type   = "midi"
listen = "127.0.0.1:{midi}"

[[route]]
name = "to-desk"
from = ["stage", "house", "keys"]
to   = "desk"

[[route]]
name  = "to-house"
from  = "stage"
match = "/lamp/{{n}}"
send  = "/lamps/{{n}} {{0}}"
to    = "house"

[[route]]
name  = "to-keys"
from  = "stage"
match = "/note"
to    = "keys"
"""

WAIT = 15_000
"""Milliseconds until a peer is connected again."""

Open: TypeAlias = Callable[..., Awaitable[Page]]


class Lines:
    """A program of a peer, and the lines that it prints."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def next(self, text: str) -> str:
        """The next line with a text."""
        assert self._process.stdout is not None
        seen: list[str] = []
        async with asyncio.timeout(20):
            while line := (await self._process.stdout.readline()).decode().rstrip("\n"):
                if text in line:
                    return line
                seen.append(line)
        raise AssertionError(f"it has ended without {text!r}; it printed {seen}")


def is_listening(port: int) -> bool:
    try:
        return bool(udp_socket(port))
    except AssertionError:
        return False


Launch: TypeAlias = Callable[..., Awaitable[Lines]]


@pytest.fixture
async def launch() -> AsyncIterator[Launch]:
    """Starts a program of a peer."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(name: str, *args: object) -> Lines:
        process = await asyncio.create_subprocess_exec(
            find_program(name), *map(str, args), stdout=subprocess.PIPE
        )
        processes.append(process)
        return Lines(process)

    yield start
    for process in processes:
        with suppress(ProcessLookupError):  # it has ended by itself
            process.kill()
        await process.wait()


class Peers:
    """The bridge between the peers."""

    def __init__(self, program: ControlRoomProgram, broker: Mosquitto, desk: Lines) -> None:
        self.program = program
        self.broker = broker
        self.desk = desk
        """``oscdump``."""

    def oscsend(self, address: str, types: str, *values: object) -> None:
        port = self.program.process.port("stage")
        command = [find_program("oscsend"), "127.0.0.1", str(port), address, types]
        subprocess.run([*command, *map(str, values)], check=True, timeout=20)

    @contextmanager
    def midi(self) -> Iterator[Any]:
        """A port of mido, connected to the bridge."""
        port = mido.sockets.connect("127.0.0.1", self.program.process.port("keys"))
        with port, port._rfile, port._wfile:
            yield port


@pytest.fixture
async def peers(tmp_path: Path, broker: Mosquitto, launch: Launch) -> AsyncIterator[Peers]:
    ports = {"desk": free_port(), "broker": broker.port, "midi": free_port()}
    desk = await launch("oscdump", "-L", f"osc.udp://:{ports['desk']}/")
    await until(lambda: is_listening(ports["desk"]))
    with running_process(CONFIGURATION.format(**ports), folder=tmp_path) as process:
        yield Peers(ControlRoomProgram(process), broker, desk)


def row(page: Page, address: str) -> Locator:
    """The row of an address in Values."""
    rows = page.get_by_role("list").get_by_role("listitem")
    return rows.filter(has=page.get_by_title(address, exact=True))


async def open_values(peers: Peers, open_page: Open) -> Page:
    page = await open_page(f"{peers.program.url}values")
    await expect(page.get_by_text("No message has")).to_be_visible()
    return page


async def test_values_of_every_peer_are_shown_with_their_sender(
    peers: Peers, open_page: Open
) -> None:
    page = await open_values(peers, open_page)
    peers.oscsend("/all", "ifsTFN", 7, 0.5, "Ariel")
    peers.oscsend("/lamp/3", "f", 0.25)
    peers.broker.publish("lights/hall", "0.75")
    with peers.midi() as port:
        port.send(mido.Message("control_change", channel=2, control=7, value=64))
        port.send(mido.Message("note_on", channel=0, note=60, velocity=99))
        for address, shown, source, sink in (
            ("/lamp/3", "0.250", "stage", "desk, house"),
            ("/lamps/3", "0.250", "stage", "house"),
            ("/lights/hall", "0.750", "house", "desk"),
            ("/control", "3, 7, 64", "keys", "desk"),
            ("/note", "1, 60, 99", "keys", "desk"),
        ):
            found = row(page, address)
            await expect(found.locator(".val")).to_have_text(shown)
            await expect(found.locator(".src")).to_have_text(source)
            await expect(found.locator(".to")).to_have_text(sink)
        await expect(row(page, "/all").locator(".val")).to_contain_text("Ariel")
        await page.get_by_role("searchbox").fill("house")
        await expect(page.locator(".v .nm")).to_have_text(["/lamps/3", "/lights/hall"])


async def test_now_shows_the_state_of_every_peer_and_when_it_was_heard(
    peers: Peers, open_page: Open
) -> None:
    page = await open_page(peers.program.url)
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
    parts = page.get_by_role("list", name="Parts")
    details = page.get_by_role("complementary", name="Details of")
    peers.oscsend("/lamp/1", "f", 0.5)
    await parts.get_by_role("button", name="stage").click()
    await expect(details).to_contain_text("Messages1")
    await expect(details).to_contain_text("Last heard")
    peers.broker.publish("lights/hall", "1")
    await parts.get_by_role("button", name="house").first.click()
    await expect(details).to_contain_text("Connectedyes")
    await expect(details).to_contain_text("Received1")
    await expect(details).to_contain_text("Last heard")
    with peers.midi() as port:
        await parts.get_by_role("button", name="keys").first.click()
        await expect(details).to_contain_text("Clients1")
        port.send(mido.Message("note_on", channel=0, note=60, velocity=99))
        await expect(details).to_contain_text("Received1")
    await expect(details).to_contain_text("Clients0")
    await parts.get_by_role("button", name="desk").first.click()
    await expect(details).to_contain_text("Sent3")


async def test_lost_broker_is_a_problem_and_an_event_until_it_is_back(
    peers: Peers, open_page: Open
) -> None:
    page = await open_page(peers.program.url)
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible()
    peers.broker.end()
    await expect(page.get_by_role("heading", name="house is not connected")).to_be_visible()
    peers.oscsend("/lamp/2", "f", 1)
    waiting = page.get_by_role("list", name="Parts").get_by_role("button", name="house")
    await expect(waiting.last).to_contain_text("1 waiting")
    await page.get_by_role("link", name="Log").first.click()
    log = page.get_by_role("log")
    await expect(log).to_contain_text("not connected")
    peers.broker.start()
    await expect(log.get_by_role("listitem").last).to_contain_text("connected", timeout=WAIT)
    await page.get_by_role("searchbox").fill("house")
    await expect(log.get_by_role("listitem").first).to_contain_text("house")
    await page.get_by_role("link", name="Now").first.click()
    await expect(page.get_by_role("heading", name="Everything is running.")).to_be_visible(
        timeout=WAIT
    )


async def test_controls_reach_every_peer(peers: Peers, open_page: Open, launch: Launch) -> None:
    page = await open_values(peers, open_page)
    subscriber = await launch(
        "mosquitto_sub", "-h", "127.0.0.1", "-p", peers.broker.port, "-t", "lamps/#", "-v", "-C", 2
    )  # it prints at its end, after two messages
    peers.oscsend("/lamp/1", "f", 0.25)
    await page.get_by_role("button", name="/lamp/1", exact=True).click()
    fader = page.get_by_role("slider", name="Value of /lamp/1")
    await expect(fader).to_have_attribute("aria-valuenow", "0.25")
    await fader.focus()
    await page.keyboard.press("End")
    assert (await peers.desk.next("/lamp/1 f 1")).split()[-1] == "1.000000"
    assert await subscriber.next("lamps/1 1")
    with peers.midi() as port:
        async with asyncio.timeout(20):
            while (note := port.poll()) is None:  # until the bridge has accepted the connection
                peers.oscsend("/note", "iii", 1, 60, 100)
                await asyncio.sleep(1)
        assert note.note == 60
