"""Learning a route in a browser and without one, from real senders to real receivers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from socket import AF_INET, SOCK_DGRAM, socket
from struct import unpack
from typing import Any

import pytest
from control_room import (
    CONFIGURATION,
    SECRETS,
    TOKENS,
    ControlRoomPage,
    ControlRoomProgram,
    connected,
)
from midi_device import midi_device, synth
from mosquitto_broker import Mosquitto
from playwright.async_api import Page, expect
from programs import find_program
from websockets.asyncio.client import connect

from oscbridge import Message, encode_message
from oscbridge.testing import free_port
from oscbridge_ui.editing.messages import AddEdit

Open = Callable[..., Awaitable[Page]]


async def oscsend(program: ControlRoomProgram, address: str, *values: float) -> None:
    """Send floats as liblo does."""
    for value in values:
        target = ["127.0.0.1", str(program.process.port("stage"))]
        arguments = [find_program("oscsend"), *target, address, "f", str(value)]
        process = await asyncio.create_subprocess_exec(*arguments)
        assert await process.wait() == 0


async def test_route_is_learned_from_a_liblo_sender_to_a_midi_receiver_and_heard(
    start: Callable[..., Any], open_page: Open, tmp_path: Path
) -> None:
    free = free_port()
    with midi_device(free) as device, start(CONFIGURATION + synth(free)) as process:
        program = ControlRoomProgram(process)
        page = await open_page(f"{program.url}learn")
        await expect(page.get_by_text("Move the control now, then release it.")).to_be_visible()
        await oscsend(program, "/1/fader3", *(step / 10 for step in range(11)))
        await expect(page.get_by_text("Move the target now, then release it.")).to_be_visible()
        await device.turn(7, *range(0, 128, 8))
        route = page.get_by_role("region", name="The route")
        await expect(route.get_by_label("Name")).to_have_value("fader3_to_controller_7")
        await route.get_by_label("Name").fill("volume")
        await route.get_by_role("button", name="Highest").click()
        heard = await device.received()
        assert (heard.type, heard.control, heard.value) == ("control_change", 7, 127)
        await expect(route.get_by_label("What saving changes")).to_contain_text('name  = "volume"')
        await route.get_by_role("button", name="Save and reload").click()
        await expect(route.get_by_text("volume is saved and runs.")).to_be_visible()
        await oscsend(program, "/1/fader3", 0.5)
        heard = await device.received()
        assert (heard.control, heard.value) == (7, 64)
        assert 'name  = "volume"' in (tmp_path / "test.toml").read_text()
        await route.get_by_role("button", name="Undo").click()
        await expect(route.get_by_label("Name")).to_be_visible()
        assert "volume" not in (tmp_path / "test.toml").read_text()


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("two's complement", (1, 1, 2, 1, 127, 127, 126, 1)),
        ("sign bit", (1, 1, 2, 1, 65, 65, 66, 1)),
        ("around 64", (65, 65, 66, 65, 63, 63, 62, 65)),
    ],
)
async def test_encoder_is_learned_from_a_midi_device_and_continues_where_the_target_is(
    start: Callable[..., Any], open_page: Open, kind: str, steps: Sequence[int]
) -> None:
    free = free_port()
    with socket(AF_INET, SOCK_DGRAM) as desk:
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(20)
        target = f'[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:{desk.getsockname()[1]}"\n'
        with (
            midi_device(free) as device,
            start(CONFIGURATION + synth(free) + target) as process,
        ):
            page = await open_page(f"{ControlRoomProgram(process).url}learn")
            await expect(page.get_by_text("Move the control now, then release it.")).to_be_visible()
            await device.turn(16, *steps)
            await expect(page.get_by_text(f"encoder, {kind}")).to_be_visible()
            await page.get_by_label("Or choose its endpoint").select_option("desk")
            await page.get_by_label("Address", exact=True).fill("/level")
            await page.get_by_role("button", name="Use it").click()
            await page.get_by_role("switch", name="Both directions").click()
            await expect(page.get_by_label("What saving changes")).to_contain_text("_back")
            await page.get_by_role("button", name="Save and reload").click()
            await expect(page.get_by_text("is saved and runs.")).to_be_visible()
            await device.turn(16, steps[0])
            level, bridge = await level_of(desk)
            assert level == pytest.approx(0.01)
            desk.sendto(encode_message(Message.of("/level", 0.5)), bridge)
            while level < 0.4:  # until the bridge has heard it
                await device.turn(16, steps[0])
                level, _ = await level_of(desk)
            assert 0.5 < level < 0.55


async def level_of(desk: socket) -> tuple[float, Any]:
    """The number in the next message to a device, and its sender."""
    packet, sender = await asyncio.to_thread(desk.recvfrom, 1_024)
    (level,) = unpack(">f", packet[-4:])
    return level, sender


async def test_candidate_is_picked_and_the_target_chosen_by_keyboard(
    program: ControlRoomProgram, open_page: Open, tmp_path: Path
) -> None:
    page = await open_page(f"{program.url}learn")
    await expect(page.get_by_text("Move the control now, then release it.")).to_be_visible()
    for step in range(12):
        for address in ("/a", "/b"):  # two at once: it is not certain which one
            program.send(encode_message(Message.of(address, step / 11)))
    await expect(page.get_by_text("It is not certain which one you moved.")).to_be_visible()
    await page.get_by_role("button", name="/b").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Address", exact=True).focus()
    await page.keyboard.type("/level")
    await page.keyboard.press("Enter")
    name = page.get_by_label("Name", exact=True)
    await expect(name).to_have_value("b_to_level")
    await page.get_by_role("switch", name="Both directions").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_label("What saving changes")).to_contain_text("b_to_level_back")
    await page.get_by_role("button", name="Save and reload").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("b_to_level is saved and runs.")).to_be_visible()
    assert 'name      = "b_to_level_back"' in (tmp_path / "test.toml").read_text()


async def status_until(page: ControlRoomPage, done: Callable[[dict[str, Any]], object]) -> Any:
    """The status of the session, once it is as wanted."""
    async with asyncio.timeout(20):
        while not done(status := await page.next("learning")):
            pass
    return status


async def test_source_may_be_a_client_of_a_websocket(start: Callable[..., Any]) -> None:
    with start(
        CONFIGURATION + '[endpoint.desk]\ntype = "osc"\nto = "udp://127.0.0.1:9"\n'
    ) as process:
        program = ControlRoomProgram(process)
        url = f"ws://127.0.0.1:{process.port('web')}"
        async with connected(program.port) as page, connect(url, subprotocols=["osc.json"]) as web:  # type: ignore[list-item]
            await page.send(type="watch_learning")
            await status_until(page, lambda status: not status["listening"])
            for step in range(10):
                await web.send(f'{{"address": "/knob", "args": [{step * 10}]}}')
            status = await status_until(page, lambda status: status["source"])
            assert (status["source"]["part"], status["source"]["address"]) == ("web", "/knob")
            target = {"type": "learn_target", "part": "desk", "address": "/level"}
            assert (await page.command(**target))["error"] == ""
            status = await status_until(page, lambda status: status["proposal"])
            (edit,) = status["proposal"]["edits"]
            assert AddEdit.model_validate(edit).path == ["route"]
            assert edit["table"]["scale"] == {"$toml": "[0, 100, 0.0, 1.0]"}


async def test_source_may_be_a_topic_of_a_broker_and_the_target_one_too(
    start: Callable[..., Any], broker: Mosquitto
) -> None:
    home = f"""[endpoint.home]
type = "mqtt"
broker = "mqtt://127.0.0.1:{broker.port}"
subscribe = ["sensor/#"]
"""
    with start(CONFIGURATION + home) as process:
        async with connected(ControlRoomProgram(process).port) as page:
            await page.send(type="watch_now")
            connects = False
            while not connects:
                parts = (await page.next("now"))["parts"]
                connects = any(each["name"] == "home" and each["connected"] for each in parts)
            await page.send(type="watch_learning")
            await status_until(page, lambda status: not status["listening"])
            for value in range(0, 101, 10):
                await asyncio.to_thread(broker.publish, "sensor/dimmer", str(value))
            status = await status_until(page, lambda status: status["source"])
            assert (status["source"]["part"], status["source"]["address"]) == (
                "home",
                "/sensor/dimmer",
            )
            target = {"type": "learn_target", "part": "home", "address": "/light/level"}
            assert (await page.command(**target))["error"] == ""
            status = await status_until(page, lambda status: status["proposal"])
            (edit,) = status["proposal"]["edits"]
            assert edit["table"]["send"] == {"$toml": '"/light/level {0}"'}


@pytest.mark.parametrize("name", ["ARIEL", "WALL"])
async def test_tokens_without_the_right_or_limited_ones_do_not_learn(
    start: Callable[..., Any], name: str
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        program = ControlRoomProgram(process)
        async with connected(program.port, SECRETS[name]) as page:
            await page.next("welcome")
            await page.send(type="watch_learning")
            await page.send(type="watch_devices")
            commands: list[dict[str, Any]] = [
                {"type": "learn_target", "part": "web", "address": "/a"},
                {"type": "learn_test", "share": 1},
                {"type": "find_addresses", "part": "web"},
                {"type": "test_endpoint", "name": "web", "test": "Send a test message"},
                {"type": "look_for_devices"},
            ]
            for each in commands:
                assert (await page.command(**each))["error"] != ""
            kinds: set[str] = set()
            await page.send(type="watch_now")
            async with asyncio.timeout(20):
                while kinds < {"now", "pulse"}:
                    kinds.add(await next_type(page))
            assert kinds <= {"now", "pulse", "welcome"}


async def next_type(page: ControlRoomPage) -> str:
    return str(json.loads(await page.socket.recv())["type"])


async def test_limited_token_is_not_shown_the_views(
    start: Callable[..., Any], open_page: Open
) -> None:
    with start(CONFIGURATION + TOKENS, env=SECRETS) as process:
        url = ControlRoomProgram(process).url
        page = await open_page(f"{url}#token={SECRETS['ARIEL']}")
        await expect(page.get_by_role("link", name="Values")).to_be_visible()
        await expect(page.get_by_role("link", name="Learn")).to_have_count(0)
        await expect(page.get_by_role("link", name="Devices")).to_have_count(0)
        await page.goto(f"{url}learn")
        await expect(page.get_by_text("This token does not show Learn.")).to_be_visible()


async def test_meters_that_always_run_do_not_win(program: ControlRoomProgram) -> None:
    stop = asyncio.Event()

    async def meters() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            for number in range(16):
                level = (step * 7 + number * 3) % 11 / 10
                program.send(encode_message(Message.of(f"/meter/{number}", level)))
            await asyncio.sleep(0.05)

    running = asyncio.create_task(meters())
    try:
        async with connected(program.port) as page:
            await page.send(type="watch_learning")
            await status_until(page, lambda status: not status["listening"])
            for step in range(15):
                program.send(encode_message(Message.of("/1/fader3", step / 14)))
                await asyncio.sleep(0.02)
            status = await status_until(page, lambda status: status["source"])
            assert status["source"]["address"] == "/1/fader3"
    finally:
        stop.set()
        await running
