"""Home Assistant entities: documents, states and commands."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest

import oscbridge
from oscbridge import Message
from oscbridge.testing import check_configuration, until
from oscbridge_mqtt.homeassistant import documents_of

ROUTE = """
[[route]]
from  = "osc"
match = "/mixer/{{ch}}/fader"
to    = "mqtt"
[route.mqtt]
topic = "studio/{{ch}}"
homeassistant = {{ component = "{component}", name = "Fader {{ch}}"{more} }}
"""


def route(component: str, more: str = "") -> str:
    return ROUTE.format(component=component, more=more)


async def test_number_entity_works_both_ways(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "#")
    bridge = await start(
        broker,
        'client_id = "me"\nprefix = "hall"',
        route("number", ', min = -60.0, max = 10.0, unit = "dB"'),
    )
    bridge.send(Message.of("/mixer/3/fader", 0.1))
    found = await watcher.get("homeassistant/number/me/studio_3/config")
    assert orjson.loads(found.payload) == {
        "name": "Fader 3",
        "unique_id": "me-studio_3",
        "state_topic": "studio/3",
        "command_topic": "studio/3/set",
        "availability_topic": "hall/status",
        "device": {"identifiers": ["me"], "name": "mqtt", "manufacturer": "oscbridge"},
        "origin": {"name": "oscbridge"},
        "optimistic": False,
        "unit_of_measurement": "dB",
        "min": -60.0,
        "max": 10.0,
        "step": 0.01,
        "oscbridge": {"address": "/mixer/3/fader", "type": "f"},
    }
    assert (await watcher.get("studio/3")).payload == b"0.1"
    watcher.publish("studio/3/set", "-12.5")
    assert (await bridge.next())[:3] == ("/mixer/3/fader", "f", (-12.5,))


async def test_document_and_state_are_retained(broker: Any, start: Any, watch: Any) -> None:
    bridge = await start(broker, 'client_id = "me"', route("sensor"))
    bridge.send(Message.of("/mixer/1/fader", 7))
    first = await watch(broker, "studio/1")
    await first.next()
    late = await watch(broker, "#")
    kept = {(await late.next()).topic for _ in range(3)}
    assert kept == {"me/status", "studio/1", "homeassistant/sensor/me/studio_1/config"}


@pytest.mark.parametrize(
    ("component", "sent", "state", "command", "back"),
    [
        ("switch", Message.of("/mixer/1/fader", True), b"ON", "OFF", ("F", (False,))),
        ("switch", Message.of("/mixer/1/fader", 0), b"OFF", "ON", ("i", (1,))),
        ("switch", Message.of("/mixer/1/fader", 1.0), b"ON", "OFF", ("f", (0.0,))),
        (
            "light",
            Message.of("/mixer/1/fader", 1.0),
            b'{"state":"ON","brightness":255}',
            '{"state":"ON","brightness":51}',
            ("f", (0.2,)),
        ),
        (
            "light",
            Message.of("/mixer/1/fader", 0.0),
            b'{"state":"OFF","brightness":0}',
            '{"state":"ON"}',
            ("f", (1.0,)),
        ),
        (
            "light",
            Message.of("/mixer/1/fader", True),
            b'{"state":"ON"}',
            '{"state":"OFF"}',
            ("F", (False,)),
        ),
        ("number", Message.of("/mixer/1/fader", 1), b"1", "0", ("i", (0,))),
        ("number", Message.of("/mixer/1/fader", 7.5), b"1", "9", ("f", (1.0,))),
        ("number", Message.of("/mixer/1/fader", math.nan), b"None", "-inf", ("f", (0.0,))),
        ("number", Message.of("/mixer/1/fader", -math.inf), b"0", "0.25", ("f", (0.25,))),
        ("switch", Message.of("/mixer/1/fader", math.nan), b"None", "ON", ("f", (1.0,))),
        (
            "light",
            Message.of("/mixer/1/fader", math.nan),
            b'{"state":null}',
            '{"state":"OFF"}',
            ("f", (0.0,)),
        ),
        ("cover", Message.of("/mixer/1/fader", 0.25), b"25", "50", ("f", (0.5,))),
        ("cover", Message.of("/mixer/1/fader", True), b"100", "CLOSE", ("F", (False,))),
        ("cover", Message.of("/mixer/1/fader", 2.0), b"100", "OPEN", ("f", (1.0,))),
        ("text", Message.of("/mixer/1/fader", "one"), b"one", "two", ("s", ("two",))),
        ("select", Message.of("/mixer/1/fader", "b"), b"b", "a", ("s", ("a",))),
        ("select", Message.of("/mixer/1/fader", 1), b"b", "a", ("i", (0,))),
    ],
)
async def test_each_component_has_its_own_state_and_command_format(
    broker: Any, start: Any, watch: Any, component: str, sent: Message, state: bytes,
    command: str, back: tuple[str, tuple[object, ...]],
) -> None:  # fmt: skip
    watcher = await watch(broker, "studio/1")
    more = ', options = ["a", "b"]' if component == "select" else ""
    bridge = await start(broker, more=route(component, more))
    bridge.send(sent)
    assert (await watcher.next()).payload == state
    watcher.publish("studio/1/set", command)
    assert (await bridge.next())[1:3] == back


@pytest.mark.parametrize(
    ("component", "command"),
    [
        ("number", "nan"),
        ("number", "much"),
        ("switch", "on"),
        ("switch", b"\xff"),
        ("light", "[]"),
        ("light", '{"state": "ON", "brightness": 300}'),
        ("light", '{"state": "ON", "brightness": "x"}'),
        ("light", "7"),
    ],
)
async def test_invalid_command_is_counted(
    broker: Any, start: Any, watch: Any, component: str, command: str
) -> None:
    watcher = await watch(broker, "studio/1")
    bridge = await start(broker, more=route(component))
    bridge.send(Message.of("/mixer/1/fader", 1.0))
    await watcher.next()
    watcher.publish("studio/1/set", command)
    await until(lambda: bridge.bad["command"] == 1)


async def test_command_has_the_configured_address(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "studio/1")
    bridge = await start(broker, more=route("number", ', command = "/desk/{ch}/level"'))
    bridge.send(Message.of("/mixer/1/fader", 0.5))
    await watcher.next()
    watcher.publish("studio/1/set", "1")
    assert (await bridge.next()).address == "/desk/1/level"


async def test_retained_command_is_ignored(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "studio/#")
    watcher.publish("studio/1/set", "1", retain=True)
    await watcher.get("studio/1/set")
    bridge = await start(broker, 'version = "3.1.1"', route("number"))
    bridge.send(Message.of("/mixer/1/fader", 0.5))
    await watcher.get("studio/1")
    watcher.publish("studio/1/set", "0.75")
    assert (await bridge.next()).args == (0.75,)


async def test_entities_are_announced_again_after_a_reconnect(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, 'client_id = "me"', route("number"))
    watcher = await watch(broker, "studio/1")
    bridge.send(Message.of("/mixer/1/fader", 0.5))
    await watcher.next()
    broker.end()
    await until(lambda: not bridge.status.connected)
    broker.start()
    await until(lambda: bridge.status.connected)
    late = await watch(broker, "homeassistant/#")
    assert (await late.next()).topic == "homeassistant/number/me/studio_1/config"
    late.publish("studio/1/set", "1")
    assert (await bridge.next()).args == (1.0,)


MASTER = """
[[route]]
from  = "osc"
match = "/master"
to    = "mqtt"
mqtt  = {{ homeassistant = {{ component = "{component}", name = "{name}" }} }}
"""


def master(component: str = "number", name: str = "Master") -> str:
    return MASTER.format(component=component, name=name)


async def test_entity_of_one_address_is_announced_before_its_first_message(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "#")
    bridge = await start(broker, 'client_id = "me"', master())
    found = await watcher.get("homeassistant/number/me/master/config")
    assert orjson.loads(found.payload)["command_topic"] == "master/set"
    watcher.publish("master/set", "0.5")
    assert (await bridge.next())[:3] == ("/master", "f", (0.5,))


async def test_entity_of_one_address_takes_the_type_of_its_first_message(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "master")
    bridge = await start(broker, more=master())
    bridge.send(Message.of("/master", 1))
    await watcher.next()
    watcher.publish("master/set", "0")
    assert (await bridge.next())[:3] == ("/master", "i", (0,))


async def test_entity_has_the_address_that_send_makes(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "#")
    await start(broker, 'client_id = "me"', master().replace("to ", 'send = "/level {0}"\nto '))
    await watcher.get("homeassistant/number/me/level/config")


@pytest.mark.parametrize(
    ("routes", "topic"),
    [
        (master("switch"), "homeassistant/switch/me/master/config"),
        (route("number"), "homeassistant/number/me/studio_3/config"),
    ],
    ids=["static", "captured"],
)
async def test_reload_removes_an_entity_without_a_route(
    broker: Any, start: Any, watch: Any, routes: str, topic: str
) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, 'client_id = "me"\nsubscribe = ["other"]', routes)
    bridge.send(Message.of("/mixer/3/fader", 1.0))
    assert (await watcher.get(topic)).payload
    await bridge.reload(master("sensor", "Other"))
    assert (await watcher.get(topic)).payload == b""
    late = await watch(broker, "homeassistant/#")
    assert (await late.next()).topic == "homeassistant/sensor/me/master/config"
    late.publish(f"{'master' if 'switch' in topic else 'studio/3'}/set", "ON")
    late.publish("other", "1")
    assert (await bridge.next()).address == "/other"


async def test_reload_announces_a_renamed_entity_again(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, 'client_id = "me"', master(name="One"))
    assert orjson.loads((await watcher.next()).payload)["name"] == "One"
    await bridge.reload(master(name="Two"))
    assert orjson.loads((await watcher.next()).payload)["name"] == "Two"


async def test_reload_while_disconnected_is_announced_after_the_reconnect(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker("persistence true", "autosave_interval 1")
    watcher = await watch(broker, "homeassistant/#")
    bridge = await start(broker, 'client_id = "me"', master("switch"))
    await watcher.next()
    broker.end()
    await until(lambda: not bridge.status.connected)
    await bridge.reload(master("number"))
    broker.start()
    await until(lambda: bridge.status.connected)
    late = await watch(broker, "homeassistant/number/#")
    assert (await late.next()).topic == "homeassistant/number/me/master/config"
    late.publish("master/set", "0.25")
    assert (await bridge.next()).args == (0.25,)
    last = await watch(broker, "homeassistant/#")
    assert (await last.next()).topic == "homeassistant/number/me/master/config"


@pytest.mark.parametrize(
    ("mqtt", "problem"),
    [
        (
            'topic = "x/{c}"',
            "mqtt.topic = 'x/{c}': unknown placeholder {c}; captured by the match: {ch}",
        ),
        (
            'payload = "{c}"',
            "mqtt.payload = '{c}': unknown placeholder {c}; captured by the match: {ch}",
        ),
        (
            'homeassistant = { component = "number", name = "{c}" }',
            "mqtt.homeassistant.name = '{c}': unknown placeholder {c}; captured by the match: {ch}",
        ),
        (
            'homeassistant = { component = "number", name = "x", command = "/{c}" }',
            "mqtt.homeassistant.command = '/{c}': "
            "unknown placeholder {c}; captured by the match: {ch}",
        ),
        (
            'topic = "x/{0}"\nhomeassistant = { component = "number", name = "x" }',
            "mqtt: with homeassistant the topic identifies the entity; remove arguments from it",
        ),
    ],
)
def test_unknown_placeholder_in_a_route_is_a_configuration_error(mqtt: str, problem: str) -> None:
    text = '[bridge.osc]\nlisten = "udp://127.0.0.1:0"\n[endpoint.mqtt]\ntype = "mqtt"\n'
    text += f'[[route]]\nfrom = "osc"\nmatch = "/a/{{ch}}"\nto = "mqtt"\n[route.mqtt]\n{mqtt}\n'
    with pytest.raises(oscbridge.ConfigurationError) as caught:
        check_configuration(text)
    assert str(caught.value) == f"test.toml: route 1: {problem}"


def test_document_topics_are_unique() -> None:
    texts = ["a/b", "a_b", "a b", "a/b ", "ä/b", "a//b"]
    assert len({documents_of("homeassistant", text) for text in texts}) == len(texts)
