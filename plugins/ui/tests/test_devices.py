"""The view Devices: found devices, forms, tests, and what the bridge says about trouble."""

from __future__ import annotations

import asyncio
import socket
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from axe import violations
from control_room import CONFIGURATION, ControlRoomProgram, connected
from midi_device import midi_device, synth
from mosquitto_broker import Mosquitto
from playwright.async_api import Page, expect
from programs import find_program
from websockets.asyncio.client import connect
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from oscbridge import decode_packet
from oscbridge.testing import free_port

Open = Callable[..., Awaitable[Page]]


async def test_device_is_added_from_discovery_and_gets_messages(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    name = f"Desk {free_port()}"
    zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk, start() as process:
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(20)
        info = ServiceInfo(
            "_osc._udp.local.",
            f"{name}._osc._udp.local.",
            desk.getsockname()[1],
            addresses=[socket.inet_aton("127.0.0.1")],
            server="desk.local.",
        )
        await zeroconf.async_register_service(info)
        try:
            page = await open_page(f"{ControlRoomProgram(process).url}devices")
            await page.get_by_role("button", name=f"Add {name}").click(timeout=30_000)
            await expect(page.get_by_text(f"is added: {name}.")).to_be_visible()
            parts = page.get_by_role("region", name="Bridges and endpoints")
            row = parts.get_by_role("listitem").filter(has_text=name.lower().replace(" ", "_"))
            await row.get_by_role("button", name="Send a test message").click(timeout=20_000)
            packet = await asyncio.to_thread(desk.recv, 1_000)
            assert str(decode_packet(packet).address) == "/oscbridge/test"  # type: ignore[union-attr]
            found = page.get_by_role("region", name="Found nearby").get_by_role("listitem")
            await expect(found.filter(has_text=name)).to_contain_text("is desk_")
        finally:
            await zeroconf.async_close()
    tables = tomllib.loads((tmp_path / "test.toml").read_text())
    assert {"type": "osc", "to": f"osc://{name}"} in tables["endpoint"].values()


async def test_draft_of_options_stays_when_another_part_is_saved(
    program: ControlRoomProgram, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(f"{program.url}devices")
    parts = page.get_by_role("region", name="Bridges and endpoints").get_by_role("listitem")
    for name in ("stage", "web"):
        await parts.filter(has_text=name).first.get_by_role("button", name="Options").click()
    stage, web = (page.get_by_role("form", name=f"Options of {name}") for name in ("stage", "web"))
    await stage.get_by_role("textbox", name="listen").fill("udp://localhost:0")
    await expect(stage.get_by_label("What saving changes")).to_contain_text("localhost")
    await web.get_by_text("More options").click()
    await web.get_by_label("queue", exact=True).fill("500")
    await expect(web.get_by_label("What saving changes")).to_contain_text("queue")
    await web.get_by_role("button", name="Save and reload").click()
    await expect(page.get_by_text("is changed.")).to_be_visible()
    await expect(stage.get_by_role("textbox", name="listen")).to_have_value("udp://localhost:0")
    await stage.get_by_role("button", name="Save and reload").click()
    await expect(stage).to_have_count(0)
    tables = tomllib.loads((tmp_path / "test.toml").read_text())
    assert tables["bridge"]["stage"]["listen"] == "udp://localhost:0"
    assert tables["endpoint"]["web"]["queue"] == 500


async def test_option_is_changed_by_its_form_and_undone(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    file = tmp_path / "test.toml"
    with start(
        CONFIGURATION.replace('type   = "websocket"', 'type   = "websocket"  # pages')
    ) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}devices")
        parts = page.get_by_role("region", name="Bridges and endpoints")
        row = parts.get_by_role("listitem").filter(has_text="websocket")
        await row.get_by_role("button", name="Options").click()
        form = page.get_by_role("form", name="Options of web")
        await form.get_by_text("More options").click()
        rate = form.get_by_label("queue", exact=True)
        await rate.fill("0")
        await expect(form.get_by_text("must be at least 1")).to_be_visible()
        await expect(form.get_by_role("button", name="Save and reload")).to_be_disabled()
        await rate.fill("500")
        await expect(form.get_by_label("What saving changes")).to_contain_text("queue")
        certificate = form.get_by_label("certificate", exact=True)
        await expect(certificate).to_be_disabled()
        await form.get_by_role("button", name="Save and reload").click()
        await expect(page.get_by_text("is changed.")).to_be_visible()
        text = file.read_text()
        assert tomllib.loads(text)["endpoint"]["web"]["queue"] == 500
        assert "# pages" in text
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_text("is changed.")).to_have_count(0)
        assert "queue" not in file.read_text()


async def test_form_of_a_plugin_adds_an_endpoint(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    with start() as process:
        page = await open_page(f"{ControlRoomProgram(process).url}devices")
        plugins = page.get_by_role("region", name="Plugins")
        await plugins.get_by_role("button", name="Add websocket").click()
        form = page.get_by_role("form", name="New endpoint")
        await expect(form.get_by_label("Name", exact=True)).to_be_in_viewport()
        await form.get_by_label("Listen at").fill(f"127.0.0.1:{free_port()}")
        await form.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("is added.")).to_be_visible()
    assert tomllib.loads((tmp_path / "test.toml").read_text())["endpoint"]["websocket"]


async def test_profile_is_chosen_and_the_endpoint_added(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    with start() as process:
        page = await open_page(f"{ControlRoomProgram(process).url}devices")
        await page.get_by_role("button", name="Behringer X32, Midas M32").click()
        form = page.get_by_role("form", name="New endpoint")
        await expect(form.get_by_label("Send to")).to_have_value("udp://192.168.1.20:10023")
        await form.get_by_label("Send to").fill(f"udp://127.0.0.1:{free_port()}")
        await form.get_by_label("Name", exact=True).fill("desk")
        await form.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("is added.")).to_be_visible()
        trouble = page.get_by_role("region", name="Bridges and endpoints").get_by_role("listitem")
        await expect(trouble.filter(has_text="desk")).to_contain_text(
            "Start that program, or correct its address.", timeout=30_000
        )
    endpoint = tomllib.loads((tmp_path / "test.toml").read_text())["endpoint"]["desk"]
    assert (endpoint["type"], endpoint["profile"]) == ("osc", "x32")


async def test_test_message_reaches_the_clients_of_an_endpoint(program: ControlRoomProgram) -> None:
    url = f"ws://127.0.0.1:{program.process.port('web')}"
    async with connect(url, subprotocols=["osc.json"]) as client, connected(program.port) as page:  # type: ignore[list-item]
        answer = await page.command(type="test_endpoint", name="web", test="Send a test message")
        assert answer["text"] == "sent /oscbridge/test ,i 1"
        assert "/oscbridge/test" in await client.recv()
        answer = await page.command(type="test_endpoint", name="web", test="Format the disk")
        assert "web has no such test" in answer["error"]
        answer = await page.command(type="test_endpoint", name="wib", test="Send a test message")
        assert "did you mean 'web'" in answer["error"]


async def test_test_buttons_reach_a_midi_device_and_a_broker(
    start: Callable[..., Any], open_page: Open, broker: Mosquitto
) -> None:
    free = free_port()
    home = f'[endpoint.home]\ntype = "mqtt"\nbroker = "mqtt://127.0.0.1:{broker.port}"\n'
    with midi_device(free) as device, start(CONFIGURATION + synth(free) + home) as process:
        page = await open_page(f"{ControlRoomProgram(process).url}devices")
        rows = page.get_by_role("region", name="Bridges and endpoints").get_by_role("listitem")
        await rows.filter(has_text="synth").get_by_role("button", name="Send a note").click()
        heard = [await device.received(), await device.received()]
        assert [each.type for each in heard] == ["note_on", "note_off"]
        assert heard[0].note == heard[1].note  # nothing hangs
        await asyncio.to_thread(broker.publish, "oscbridge/ready", "1", retain=True)
        where = ["-h", "127.0.0.1", "-p", str(broker.port), "-t", "oscbridge/#"]
        command = [find_program("mosquitto_sub"), *where, "-C", "2", "-v"]
        subscriber = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert subscriber.stdout is not None
        try:
            async with asyncio.timeout(30):
                assert await subscriber.stdout.readline() == b"oscbridge/ready 1\n"
                row = rows.filter(has_text="home")
                await row.get_by_role("button", name="Publish a test message").click()
                await expect(row.get_by_role("status")).to_contain_text("sent")
                assert b"oscbridge/test" in await subscriber.stdout.read()
        finally:
            if subscriber.returncode is None:
                subscriber.terminate()
            await subscriber.wait()


async def test_state_has_types_profiles_and_plugins(program: ControlRoomProgram) -> None:
    async with connected(program.port) as page:
        await page.send(type="watch_devices")
        async with asyncio.timeout(30):
            while not (state := await page.next("devices"))["kinds"] or not state["profiles"]:
                pass
        kinds = {each["name"]: each for each in state["kinds"]}
        assert kinds["midi"]["tests"] == ["Send a note"]
        assert kinds["mqtt"]["tests"] == ["Publish a test message"]
        assert {"x32", "qlab"} <= {each["name"] for each in state["profiles"]}
        assert any(each["types"] == ["websocket"] for each in state["plugins"])


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("view", ["learn", "devices"])
async def test_learn_and_devices_are_accessible(
    start: Callable[..., Any],
    open_page: Open,
    view: str,
    size: str,
    scheme: str,
) -> None:
    trouble = f'[endpoint.desk]\ntype = "osc"\nto = "tcp://127.0.0.1:{free_port()}"\n'
    with start(f'{CONFIGURATION}{trouble}on_start = "retry"\n') as process:
        page = await open_page(f"{ControlRoomProgram(process).url}{view}", size, scheme)
        if view == "learn":
            await expect(page.get_by_text("Move the control now, then release it.")).to_be_visible()
        else:
            await expect(page.get_by_role("heading", name="Known devices")).to_be_visible()
            parts = page.get_by_role("region", name="Bridges and endpoints")
            row = parts.get_by_role("listitem").filter(has_text="websocket")
            await row.get_by_role("button", name="Options").click()
            await expect(page.get_by_role("form", name="Options of web")).to_be_visible()
            await page.get_by_text("More options").click()
        assert await violations(page) == []
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
