"""OSC to a broker and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from oscbridge import Message

VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


@VERSIONS
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_message_is_published_under_its_address(
    broker: Any, start: Any, watch: Any, version: str, qos: int
) -> None:
    watcher = await watch(broker, "mixer/#")
    bridge = await start(broker, f'version = "{version}"\nqos = {qos}')
    bridge.send(Message.of("/mixer/1/fader", 0.1))
    assert await watcher.next() == ("mixer/1/fader", b"0.1", qos, False)


@VERSIONS
async def test_received_message_has_the_topic_as_address(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    bridge = await start(broker, f'version = "{version}"\nsubscribe = ["lights/+/set"]')
    watcher = await watch(broker)
    watcher.publish("lights/7/set", '[1, 2.5, "on", true, null]')
    message = await bridge.next()
    assert message[:3] == ("/lights/7/set", "ifsTN", (1, 2.5, "on", True, None))
    assert message.origin is not None
    assert message.origin.peer == ("127.0.0.1", broker.port, 1, False)


async def test_mosquitto_sub_receives_published_messages(broker: Any, start: Any) -> None:
    bridge = await start(broker, "retain = true")
    bridge.send(Message.of("/mixer/1", 1, "two"))
    command = ["mosquitto_sub", "-p", str(broker.port), "-t", "mixer/1", "-C", "1", "-v", "-W", "9"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=10)
    assert done.stdout == b'mixer/1 [1,"two"]\n'


async def test_messages_keep_their_order(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "n")
    bridge = await start(broker)
    bridge.offer(*[Message.of("/n", index) for index in range(3_000)])
    assert [int((await watcher.next()).payload) for _ in range(3_000)] == list(range(3_000))


async def test_messages_of_each_qos_keep_their_order_in_mixed_batches(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "n/#")
    bridge = await start(
        broker,
        more='[[route]]\nfrom="osc"\nmatch="/n/1"\nto="mqtt"\nmqtt={qos=1}\n'
        '[[route]]\nfrom="osc"\nmatch="/n/0"\nto="mqtt"\n',
    )
    bridge.send(*[Message.of(f"/n/{index % 2}", index) for index in range(100)])
    seen = [await watcher.next() for _ in range(100)]
    for qos in (0, 1):
        found = [int(one.payload) for one in seen if one.topic == f"n/{qos}"]
        assert found == list(range(qos, 100, 2))


async def test_route_sets_topic_qos_retain_and_payload(broker: Any, start: Any, watch: Any) -> None:
    watcher = await watch(broker, "studio/#")
    bridge = await start(
        broker,
        more='[[route]]\nfrom="osc"\nmatch="/mixer/{ch}/fader"\nto="mqtt"\n'
        'mqtt={topic="studio/{ch}/{1}", qos=2, retain=true, payload="{0} dB"}\n',
    )
    bridge.send(Message.of("/mixer/3/fader", 0.5, "left"))
    assert await watcher.next() == ("studio/3/left", b"0.5 dB", 2, False)
    late = await watch(broker, "studio/#")
    assert await late.next() == ("studio/3/left", b"0.5 dB", 2, True)


async def test_prefix_is_prepended_to_topics_and_removed_from_addresses(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "studio/mixer/1")
    bridge = await start(broker, 'prefix = "studio"\nsubscribe = ["studio/lamp", "other"]')
    bridge.send(Message.of("/mixer/1", 1))
    assert (await watcher.next()).topic == "studio/mixer/1"
    watcher.publish("studio/lamp", "1")
    watcher.publish("other", "1")
    assert {(await bridge.next()).address, (await bridge.next()).address} == {"/lamp", "/other"}


async def test_each_payload_format_is_decoded_to_the_original_message(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker()
    watcher = await watch(broker, "out")
    sent = Message("/out", "ifsT", (1, 0.5, "x", True))
    for form in ("json", "typed", "osc"):
        bridge = await start(
            broker,
            f'payload = "{form}"\nclient_id = "{form}"\nstatus = "status"\n'
            f'subscribe = ["{form}/in"]',
        )
        bridge.send(sent)
        payload = (await watcher.next()).payload
        watcher.publish(f"{form}/in", payload)
        got = await bridge.next()
        assert got[1:3] == sent[1:3]
        assert got.address == (f"/{form}/in" if form == "json" else "/out")


async def test_subscription_sets_types_and_address(broker: Any, start: Any, watch: Any) -> None:
    bridge = await start(
        broker,
        'subscribe = [{topic="a/+/b/#", types="fi", payload="text", qos=0, '
        'address="/x/{1}/{2}/{qos}/{retained}"}]',
    )
    watcher = await watch(broker)
    watcher.publish("a/7/b/c/d", "1 2.6")
    assert (await bridge.next())[:3] == ("/x/7/c/d/0/live", "fi", (1.0, 3))


async def test_json_object_is_converted_to_one_message_per_member(
    broker: Any, start: Any, watch: Any
) -> None:
    bridge = await start(broker, 'subscribe = ["lamp"]')
    watcher = await watch(broker)
    watcher.publish("lamp", orjson.dumps({"state": "ON", "color": {"r": 1, "g": 2.5}}))
    found = [(await bridge.next())[:3] for _ in range(3)]
    assert found == [
        ("/lamp/state", "s", ("ON",)),
        ("/lamp/color/r", "i", (1,)),
        ("/lamp/color/g", "f", (2.5,)),
    ]


@VERSIONS
async def test_retained_messages_are_marked_in_their_origin(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "kept")
    watcher.publish("kept", "1", retain=True)
    await watcher.next()
    bridge = await start(broker, f'version = "{version}"\nsubscribe = ["kept"]')
    replayed = await bridge.next()
    watcher.publish("kept", "2", retain=True)
    live = await bridge.next()
    assert (replayed.args, replayed.origin.peer.retained) == ((1,), True)
    assert (live.args, live.origin.peer.retained) == ((2,), False)


@VERSIONS
async def test_subscription_ignores_retained_messages(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "kept")
    watcher.publish("kept", "1", retain=True)
    await watcher.next()
    bridge = await start(
        broker, f'version = "{version}"\nsubscribe = [{{topic="kept", retained="ignore"}}]'
    )
    watcher.publish("kept", "2")
    assert (await bridge.next()).args == (2,)


@VERSIONS
async def test_echoes_of_published_messages_are_ignored(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "a/#")
    bridge = await start(broker, f'version = "{version}"\nsubscribe = ["a/#"]')
    bridge.send(Message.of("/a/mine", 1))
    await watcher.get("a/mine")
    watcher.publish("a/mine", "1")
    watcher.publish("a/end", "1")
    assert [(await bridge.next()).address for _ in range(2)] == ["/a/mine", "/a/end"]


async def test_default_route_does_not_publish_received_messages(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "#")
    bridge = await start(broker, 'subscribe = ["in"]\nclient_id = "me"')
    watcher.publish("in", "1")
    await bridge.next()
    bridge.send(Message.of("/end", 1))
    seen = [await watcher.next() for _ in range(3)]
    assert sorted(one.topic for one in seen) == ["end", "in", "me/status"]


async def test_route_from_the_broker_to_the_broker_republishes(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "out/#")
    await start(
        broker,
        'subscribe = ["in"]',
        '[[route]]\nfrom="mqtt"\nto="mqtt"\nmqtt={topic="out/{address}"}\n',
    )
    watcher.publish("in", "5")
    assert (await watcher.next())[:2] == ("out/in", b"5")


@VERSIONS
async def test_status_topic_is_online_while_the_bridge_runs(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    watcher = await watch(broker, "studio/status")
    bridge = await start(broker, f'version = "{version}"\nprefix = "studio"')
    assert await watcher.next() == ("studio/status", b"online", 1, False)
    late = await watch(broker, "studio/status")
    assert await late.next() == ("studio/status", b"online", 1, True)
    await bridge.stop()
    assert await watcher.next() == ("studio/status", b"offline", 1, False)


@VERSIONS
async def test_status_topic_is_offline_after_the_bridge_is_killed(
    broker: Any, watch: Any, version: str, tmp_path: Any
) -> None:
    watcher = await watch(broker, "studio/status")
    file = tmp_path / "bridge.toml"
    file.write_text(
        f'[endpoint.mqtt]\ntype="mqtt"\nbroker="{broker.url}"\nprefix="studio"\n'
        f'version="{version}"\n[bridge.osc]\nlisten="udp://127.0.0.1:0"\n'
    )
    program = Path(sys.executable).with_name("oscbridge")
    with subprocess.Popen([program, "run", file], stdout=subprocess.DEVNULL) as process:
        assert (await watcher.next()).payload == b"online"
        process.kill()
    assert await watcher.next() == ("studio/status", b"offline", 1, False)


@VERSIONS
async def test_persistent_session_delivers_messages_from_before_the_start(
    broker: Any, start: Any, watch: Any, version: str
) -> None:
    options = f'version = "{version}"\nsubscribe = ["in"]\nsession_expiry = 60'
    first = await start(broker, options)
    await first.stop()
    watcher = await watch(broker)
    watcher.publish("in", "1")
    watcher.publish("in", "2")
    second = await start(broker, options)
    assert [(await second.next()).args for _ in range(2)] == [(1,), (2,)]


async def test_update_keeps_the_connection_for_equal_options(broker: Any, start: Any) -> None:
    bridge = await start(broker)
    same = type(bridge.endpoint.options).model_validate({"broker": broker.url})
    assert bridge.endpoint.update(same)
    assert not bridge.endpoint.update(same.model_copy(update={"keepalive": 60}))


async def test_default_client_id_is_stable() -> None:
    from oscbridge_mqtt.endpoint import default_client_id

    assert default_client_id("house") == default_client_id("house")
    assert default_client_id("house") != default_client_id("barn")


async def test_zigbee_device_loses_only_the_members_that_cannot_be_messages(
    broker: Any, start: Any, watch: Any
) -> None:
    bridge = await start(broker, 'subscribe = ["z/#"]')
    watcher = await watch(broker)
    watcher.publish(
        "z/l", '{"state": "ON", "text": "a\\u0000b", "scenes": [{"id": 1, "name": "x"}]}'
    )
    watcher.publish("z/l/availability", "offline")
    found = [(await bridge.next())[:3] for _ in range(4)]
    assert found == [
        ("/z/l/state", "s", ("ON",)),
        ("/z/l/scenes/0/id", "i", (1,)),
        ("/z/l/scenes/0/name", "s", ("x",)),
        ("/z/l/availability", "s", ("offline",)),
    ]
    assert bridge.bad == {"value": 1}


async def test_payload_templates_and_constants_are_published(
    broker: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(broker, "#")
    route = '[[route]]\nfrom = "osc"\nmatch = "/{ch}/%s"\nto = "mqtt"\nmqtt = {topic = "%s", %s}\n'
    bridge = await start(
        broker,
        more=route % ("toggle", "t", 'constant = "TOGGLE"')
        + route % ("level", "l", """payload = '{"ch": {ch}, "level": {0:i}}'""")
        + route % ("text", "x", "payload = '{\"text\": {0}}'"),
    )
    bridge.send(Message.of("/1/toggle", 1), Message.of("/7/level", "not a number"))
    bridge.send(Message.of("/7/level", 2.6), Message.of("/1/text", 'a "b"'))
    assert (await watcher.get("t")).payload == b"TOGGLE"
    assert (await watcher.get("l")).payload == b'{"ch": 7, "level": 3}'
    assert (await watcher.get("x")).payload == b'{"text": "a \\"b\\""}'
    assert bridge.drops == {"bad": 1}
