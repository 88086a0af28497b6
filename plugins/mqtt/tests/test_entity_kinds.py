"""Kinds of Home Assistant entities: their documents, and what survives a restart."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path
from typing import Any

import orjson
import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import check_configuration, running_bridge, running_process, until

README = (Path(__file__).parent.parent / "README.md").read_text()

ROUTE = '[[route]]\nfrom = "osc"\nmatch = "/a/{{n}}"\nto = "mqtt"\n[route.mqtt]\n'
ENTITY = ROUTE + 'homeassistant = {{ component = "{0}", name = "A {{n}}"{1} }}\n'
ME = 'client_id = "me"'
DOCUMENT = "homeassistant/{}/me/a_1/config"


def route(component: str, more: str = "") -> str:
    return ENTITY.format(component, more).replace("{{", "{").replace("}}", "}")


async def _document(watcher: Any, component: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((await watcher.get(DOCUMENT.format(component))).payload)
    return found


@pytest.mark.parametrize(
    ("component", "more", "sent", "expected"),
    [
        ("light", "", 0.5, {"schema": "json", "brightness": True}),
        ("light", "", True, {"schema": "json", "brightness": False}),
        ("sensor", ', state_class = "measurement"', 1.0, {"state_class": "measurement"}),
        ("binary_sensor", ', device_class = "door"', True, {"device_class": "door"}),
        ("select", ', options = ["x", "y"]', "x", {"options": ["x", "y"]}),
        ("event", ', options = ["x"]', "x", {"event_types": ["x"]}),
        ("switch", ', entity_category = "config"', 1, {"entity_category": "config"}),
        ("cover", "", 1.0, {"position_topic": "a/1", "set_position_topic": "a/1/set"}),
        ("number", ', device = "Desk {n}", area = "Stage"', 1.0, {
            "device": {"identifiers": ["me-Desk_1_cd8a9a4d"], "name": "Desk 1",
                       "manufacturer": "oscbridge", "suggested_area": "Stage"}}),
    ],
)  # fmt: skip
async def test_document_has_the_keys_of_its_component(
    broker: Any, start: Any, watch: Any, component: str, more: str, sent: Any, expected: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, ME, route(component, more))
    bridge.send(Message.of("/a/1", sent))
    document = await _document(watcher, component)
    if "device" in expected:
        document["device"]["identifiers"] = expected["device"]["identifiers"]
    assert {key: document[key] for key in expected} == expected
    assert "supported_color_modes" not in document
    has_command = component not in ("sensor", "binary_sensor", "event")
    assert ("command_topic" in document) is has_command


async def test_cover_stops_with_a_message_to_its_own_address(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    cover = route("cover", ', stop = "/halt/{n}", optimistic = true')
    bridge = await start(broker, ME, cover)
    bridge.send(Message.of("/a/1", 0.5))
    document = await _document(watcher, "cover")
    assert document["payload_stop"] == "STOP"
    states = await watch(broker, "a/1")
    watcher.publish("a/1/set", "STOP")
    found = await bridge.next()
    assert (found.address, found.args) == ("/halt/1", ())
    watcher.publish("a/1/set", "25")
    assert (await bridge.next()).address == "/a/1"
    assert [(await states.next()).payload for _ in range(2)] == [b"50", b"25"]  # none for the stop


async def test_cover_without_stop_shows_none_and_rejects_it(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, ME, route("cover"))
    bridge.send(Message.of("/a/1", 0.5))
    assert (await _document(watcher, "cover"))["payload_stop"] is None
    watcher.publish("a/1/set", "STOP")
    watcher.publish("a/1/set", "25")
    assert (await bridge.next()).address == "/a/1"


def test_stop_of_another_component_is_an_error() -> None:
    with pytest.raises(oscbridge.ConfigurationError, match="stop is only for a cover"):
        check_configuration(
            '[bridge.osc]\n[endpoint.mqtt]\ntype = "mqtt"\n' + route("switch", ', stop = "/x"')
        )


async def test_button_has_no_state_and_sends_a_message_for_a_press(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, ME, route("button", ', command = "/go/{n}"'))
    bridge.send(Message.of("/a/1", 1))
    assert "state_topic" not in await _document(watcher, "button")
    watcher.publish("a/1/set", "PRESS")
    assert (await bridge.next())[:3] == ("/go/1", "i", (1,))


async def test_events_are_not_retained(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "a/1")
    bridge = await start(broker, ME, route("event", ', options = ["press", "release"]'))
    bridge.send(*[Message.of("/a/1", *args) for args in ((1,), (0,), ("press",), ())])
    bridge.send(Message.of("/a/1", "other"), Message.of("/a/1", 1))
    names = [orjson.loads((await watcher.next()).payload)["event_type"] for _ in range(5)]
    assert names == ["press", "release", "press", "press", "press"]
    assert bridge.drops == {"bad": 1}
    late = await watch(broker, "#")
    assert "a/1" not in {(await late.next()).topic for _ in range(2)}


@pytest.mark.parametrize(
    ("component", "more", "sent", "command", "expected"),
    [
        ("number", "", 0.5, "0.25", (0.25,)),
        ("switch", "", True, "OFF", (False,)),
        ("light", "", 0.5, '{"state":"ON","brightness":51}', (0.2,)),
        ("cover", "", 0.5, "25", (0.25,)),
        ("cover", ', stop = "/set/{n}"', 0.5, "STOP", ()),
        ("select", ', options = ["x", "y"]', 0, "y", (1,)),
        ("text", "", "x", "y", ("y",)),
        ("button", "", 1, "PRESS", (1,)),
        ("number", ', command = "/set/{n}"', 1, "0", (0,)),
    ],
)
async def test_commands_of_captured_entities_work_after_a_restart(
    broker: Any, start: Any, watch: Any,
    component: str, more: str, sent: Any, command: str, expected: Any,
) -> None:  # fmt: skip
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, ME, route(component, more))
    bridge.send(Message.of("/a/1", sent))
    await _document(watcher, component)
    await bridge.stop()
    bridge = await start(broker, ME, route(component, more))
    watcher.publish("a/1/set", command)
    while bridge.received.empty():  # until the retained document has arrived
        await until(lambda: True)
        watcher.publish("a/1/set", command)
        try:
            await until(lambda: not bridge.received.empty(), 0.2)
        except AssertionError:
            continue
    found = await bridge.next()
    address = "/set/1" if "/set" in more else "/a/1"
    assert (found.address, found.args) == (address, pytest.approx(expected))


async def test_document_with_a_foreign_command_address_is_not_trusted(
    broker: Any, start: Any, watch: Any
) -> None:
    document = {
        "state_topic": "a/1", "origin": {"name": "oscbridge"},
        "oscbridge": {"address": "/other", "type": "f"},
    }  # fmt: skip
    watcher = await watch(broker, "homeassistant/#")
    watcher.publish(DOCUMENT.format("number"), orjson.dumps(document), retain=True)
    await _document(watcher, "number")
    bridge = await start(
        broker, f'{ME}\nsubscribe = ["end"]', route("number", ', command = "/set/{n}"')
    )
    watcher.publish("a/1/set", "1")
    watcher.publish("end", "1")
    assert (await bridge.next()).address == "/end"


@pytest.mark.parametrize(
    ("component", "command", "state"), [("number", "7", b"1"), ("switch", "ON", b"ON")]
)
async def test_optimistic_entity_publishes_the_commanded_value(
    broker: Any, start: Any, watch: Any, component: str, command: str, state: bytes
) -> None:
    watcher = await watch(broker, "a/1")
    more = ', optimistic = true, command = "/set"'
    bridge = await start(broker, f'{ME}\nsubscribe = ["a/#"]', route(component, more))
    bridge.send(Message.of("/a/1", 0.0))
    await watcher.next()
    watcher.publish("a/1/set", command)
    assert (await bridge.next())[:3] == ("/set", "f", (1.0,))
    assert (await watcher.next()).payload == state
    assert bridge.received.empty()
    late = await watch(broker, "a/1")
    assert await late.next() == ("a/1", state, 1, True)


async def test_answer_of_the_device_in_the_readme_is_the_new_state(broker: Any, watch: Any) -> None:
    sample = next(
        block for block in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "Fader" in block
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(10)
        text = sample.replace("udp://0.0.0.0:9000", "udp://127.0.0.1:0")
        text = text.replace("192.0.2.7:9001", f"127.0.0.1:{desk.getsockname()[1]}")
        text = text.replace('"mqtt"\n', f'"mqtt"\nbroker = "{broker.url}"\n', 1)
        watcher = await watch(broker, "studio/mixer/3", "homeassistant/#")
        async with running_bridge(text) as bridge:
            bridge.send("stage", Message.of("/mixer/3/fader", -5.0))
            assert (await watcher.get("studio/mixer/3")).payload == b"-5"
            watcher.publish("studio/mixer/3/set", "-12.5")
            packet, peer = await asyncio.to_thread(desk.recvfrom, 65_535)
            assert oscbridge.decode_packet(packet) == Message.of("/mixer/3/fader", -12.5)
            desk.sendto(packet, peer)
            assert (await watcher.get("studio/mixer/3")).payload == b"-12.5"


@pytest.mark.parametrize(
    ("component", "value"),
    [("number", "text"), ("select", "z"), ("select", 9), ("cover", float("nan")),
     ("text", "x" * 256), ("sensor", "x" * 256)],
)  # fmt: skip
async def test_value_that_is_not_a_state_is_rejected(
    broker: Any, start: Any, component: str, value: Any
) -> None:
    more = ', options = ["x", "y"]' if component == "select" else ""
    bridge = await start(broker, ME, route(component, more))
    bridge.send(Message.of("/a/1", value))
    await until(lambda: bridge.drops == {"bad": 1})


async def test_two_configurations_with_one_endpoint_name_keep_their_entities(
    broker: Any, watch: Any, tmp_path: Path
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    topics = set()
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        text = (
            f'[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n[endpoint.mqtt]\ntype = "mqtt"\n'
            f'broker = "{broker.url}"\n[[route]]\nfrom = "osc"\nmatch = "/{name}"\nto = "mqtt"\n'
            f'mqtt = {{ homeassistant = {{ component = "number", name = "{name}" }} }}\n'
        )
        with running_process(text, folder=folder):
            seen = await watcher.next()
            assert seen.payload
            topics.add(seen.topic)
    late = await watch(broker, "homeassistant/#")
    assert {(await late.next()).topic for _ in range(2)} == topics
    assert len(topics) == 2


@pytest.mark.parametrize(
    ("component", "more", "problem"),
    [
        ("select", "", "options: missing key"),
        ("number", ', options = ["x"]', "options: only for select and event; remove it"),
        ("select", ', options = ["x", "x"]', "options: duplicate text"),
        ("number", ', state_class = "total"', "state_class is only for a sensor; remove it"),
        ("sensor", ', entity_category = "config"', "accepts no sensor with entity_category"),
        ("number", ', device = "{x}"', "unknown placeholder {x}"),
    ],
)
def test_keys_of_another_component_are_rejected(component: str, more: str, problem: str) -> None:
    text = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n[endpoint.mqtt]\ntype = "mqtt"\n'
    with pytest.raises(oscbridge.ConfigurationError, match=problem):
        check_configuration(text + route(component, more))
