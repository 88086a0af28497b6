"""Brokers that fall over, and what they and others send that is no use."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from oscbridge import Message, Routed
from oscbridge_mqtt.options import MQTTRoute

KEPT = (
    "persistence true",
    "autosave_interval 1",  # with the next line: after each change
    "autosave_on_changes true",
    "max_queued_messages 0",
)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder that is written to fast: the broker saves all it has after each message."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/a+b", "cannot have '+' in it"),
        ("/a#", "cannot have '#' in it"),
        ("/" + "x" * 70_000, "70000 bytes"),
        ("/a\x01b", "cannot have '\\x01' in it"),
        ("/", "at least one character"),
    ],
)
async def test_an_address_that_is_no_topic_is_refused_and_counted(
    broker: Any, start: Any, watch: Any, caplog: Any, address: str, said: str, until: Any
) -> None:
    bridge = await start(broker)
    watcher = await watch(broker, "good")
    bridge.offer(Message.of(address, 1), Message.of("/good", 2), Message.of(address, 3))
    assert (await watcher.next()).payload == b"2"
    await until(lambda: bridge.drops["bad"] == 2)
    assert said in caplog.text
    assert bridge.delivery.connected


async def test_a_placeholder_without_a_value_loses_that_message_alone(
    broker: Any, start: Any, watch: Any, caplog: Any, until: Any
) -> None:
    watcher = await watch(broker, "a/#")
    bridge = await start(
        broker, more='[[route]]\nfrom="osc"\nto="mqtt"\nmqtt={topic="a/{0}", payload="{1}"}\n'
    )
    bridge.send(Message.of("/x", "a"), Message.of("/x", "b+", 1), Message.of("/x", "c", 1))
    assert (await watcher.next()).topic == "a/c"
    await until(lambda: bridge.drops["bad"] == 2)
    assert "there is no argument {1}" in caplog.text


async def test_a_payload_over_what_the_broker_says_is_not_sent(
    start_broker: Any, start: Any, watch: Any, caplog: Any
) -> None:
    broker = await start_broker("max_packet_size 2000")
    watcher = await watch(broker, "a")
    bridge = await start(broker)
    bridge.offer(Message.of("/a", "x" * 3_000), Message.of("/a", 1))
    assert (await watcher.next()).payload == b"1"
    assert bridge.drops["bad"] == 1
    assert "the broker takes packets of at most 2000 bytes" in caplog.text


async def test_a_payload_over_the_limit_that_the_broker_keeps_to_itself_is_named(
    start_broker: Any, start: Any, watch: Any, caplog: Any, until: Any
) -> None:
    broker = await start_broker("message_size_limit 2000")
    watcher = await watch(broker, "a")
    bridge = await start(broker, "qos = 1")
    bridge.offer(Message.of("/a", "x" * 3_000), Message.of("/a", 1))
    assert (await watcher.next()).payload == b"1"
    await until(lambda: bridge.drops["bad"] == 1)
    assert "the broker refuses /a as a: Packet too large" in caplog.text


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff\xfe", "json"),
        (b"{", "json"),
        (b'"' + b"x" * (1 << 20) + b'"', "max_payload_size"),
        (b"[" * 20_000 + b"]" * 20_000, "json"),
        (b"[" * 100 + b"]" * 100, "depth"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "depth"),
        (b'{"a b*": 1, "/": {"": 2}}', None),
        (orjson.dumps({str(index): index for index in range(1_000)}), "members"),
        (b"18446744073709551615", "value"),
        (b'"a\\u0000b"', "value"),
        (b'[{"a": 1}]', "json"),
        (orjson.dumps([1] * 20_000), "value"),
    ],
)
async def test_a_bad_payload_is_counted_and_the_next_one_is_taken(
    broker: Any, start: Any, watch: Any, payload: bytes, reason: str | None
) -> None:
    bridge = await start(broker, 'subscribe = ["a"]')
    watcher = await watch(broker)
    watcher.publish("a", payload)
    watcher.publish("a", "5")
    while (await bridge.next()).args != (5,):
        pass
    assert bridge.bad.total() == (reason is not None)
    if reason is not None:
        assert bridge.bad[reason] == 1


@pytest.mark.parametrize(
    ("form", "payload"),
    [
        ("text", b"\xff"),
        ("typed", b'{"address": 5}'),
        ("typed", b"[]"),
        ("typed", b"\xff"),
        ("osc", b"/a\0\0,i\0\0\0"),
        ("osc", b"hello"),
    ],
)
async def test_a_payload_that_is_not_of_its_format_is_counted(
    broker: Any, start: Any, watch: Any, form: str, payload: bytes, until: Any
) -> None:
    bridge = await start(broker, f'subscribe = ["a"]\npayload = "{form}"')
    watcher = await watch(broker)
    watcher.publish("a", payload)
    await until(lambda: bridge.bad.total() == 1)
    assert bridge.delivery.connected


async def test_a_broker_that_is_killed_is_connected_again_and_subscribed_to(
    start_broker: Any, start: Any, watch: Any, until: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, 'subscribe = ["in"]')
    broker.end(signal.SIGKILL)
    await until(lambda: not bridge.delivery.connected)
    await broker.start()
    await until(lambda: bridge.delivery.connected)
    watcher = await watch(broker, "out")
    watcher.publish("in", "1")
    assert (await bridge.next()).args == (1,)
    bridge.send(Message.of("/out", 2))
    assert (await watcher.next()).payload == b"2"


@pytest.mark.load
@pytest.mark.timeout(50)
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_broker_that_is_killed_loses_nothing_with_qos_1(
    memory: Path, start_broker: Any, start: Any, until: Any, version: str
) -> None:  # the folder is named first, so that it outlives the broker
    count, rate = 20_000, 2_000
    broker = await start_broker(*KEPT, f"persistence_location {memory}/")
    # A process of its own: what a subscriber has not taken yet is lost with the broker, which
    # acknowledges before it saves.
    file = memory / "seen"
    command = f"mosquitto_sub -V 5 -p {broker.port} -i watcher -c -x 600 -q 1 -t n".split()
    bridge = await start(broker, f'qos = 1\nqueue = 30000\nversion = "{version}"')
    with file.open("wb") as out, subprocess.Popen(command, stdout=out) as watcher:
        await until(lambda: b"as watcher" in (broker.folder / "log").read_bytes())
        loop = asyncio.get_running_loop()
        begin, sent, killed = loop.time(), 0, False
        while sent < count:
            due = min(count, int((loop.time() - begin) * rate) + 1)
            bridge.offer(*[Message.of("/n", index) for index in range(sent, due)])
            sent = due
            if not killed and sent > count // 2:
                killed = True
                broker.end(signal.SIGKILL)
                await broker.start()
            await asyncio.sleep(0.005)
        await until(lambda: bridge.delivery.sent == count, 30)
        await until(lambda: len({*file.read_bytes().split()}) == count)
        watcher.terminate()
    assert {int(line) for line in file.read_bytes().split()} == set(range(count))
    assert bridge.drops.total() == 0


async def test_a_broker_that_stops_answering_is_left(
    start_broker: Any, start: Any, monkeypatch: Any, until: Any
) -> None:
    from oscbridge_mqtt import window

    monkeypatch.setattr(window, "ACK_TIMEOUT", 0.5)
    broker = await start_broker()
    bridge = await start(broker, "qos = 1")
    broker.pause()
    bridge.send(Message.of("/a", 1))
    await until(lambda: "acknowledged nothing" in bridge.delivery.problem)
    broker.end(signal.SIGKILL)
    await broker.start()
    await until(lambda: bridge.delivery.sent == 1)


async def test_a_silent_broker_is_noticed_by_the_keepalive(
    start_broker: Any, start: Any, until: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, "keepalive = 5")
    broker.pause()
    await until(lambda: not bridge.delivery.connected)
    assert bridge.delivery.problem == "the broker is silent"


async def test_the_keepalive_that_the_broker_asks_for_is_kept(
    start_broker: Any, start: Any
) -> None:
    broker = await start_broker("max_keepalive 10")
    bridge = await start(broker, "keepalive = 3000")
    assert bridge.endpoint._link._client.keepalive == 10


@pytest.mark.load
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_burst_arrives_whole_and_in_order(
    start_broker: Any, start: Any, until: Any, version: str, qos: int
) -> None:
    broker = await start_broker("max_queued_messages 0")
    options = f'version = "{version}"\nqos = {qos}\nclient_id = '
    subscribe = f'\nsubscribe = [{{ topic = "n", qos = {qos} }}]'
    sinks = [await start(broker, f'{options}"sink{n}"{subscribe}') for n in range(3)]
    source = await start(broker, f'{options}"source"')
    source.offer(*[Message.of("/n", index) for index in range(3_000)])
    await until(lambda: all(sink.received.qsize() == 3_000 for sink in sinks))
    for sink in sinks:
        found = [sink.received.get_nowait().args[0] for _ in range(3_000)]
        assert found == list(range(3_000))
    assert source.delivery.sent == 3_000


@pytest.mark.load
async def test_what_is_in_flight_stays_within_what_the_broker_takes(
    start_broker: Any, start: Any, until: Any
) -> None:
    broker = await start_broker("max_inflight_messages 3")
    bridge = await start(broker, "qos = 2")
    bridge.offer(*[Message.of("/n", index) for index in range(1_000)])
    await until(lambda: bridge.delivery.sent == 1_000)
    assert bridge.endpoint._link.window == 3


@pytest.mark.load
async def test_memory_is_bounded_while_the_broker_is_away(
    start_broker: Any, start: Any, until: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, "qos = 1\nqueue = 1000")
    broker.end()
    await until(lambda: not bridge.delivery.connected)
    for begin in range(0, 100_000, 1_000):
        bridge.offer(*[Message.of("/n", index) for index in range(begin, begin + 1_000)])
        await asyncio.sleep(0)
    assert len(bridge.delivery._outbox) <= 1_000
    assert bridge.drops["full"] >= 98_000 - 1_024


async def test_a_session_at_a_busy_broker_ends_within_the_time_of_a_stop(
    start_broker: Any, start: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, "qos = 1")
    broker.pause()
    bridge.send(*[Message.of("/a", index) for index in range(100)])
    async with asyncio.timeout(3):
        await bridge.app.stop()
    assert bridge.drops["stopped"] <= 100


async def test_answers_that_come_one_by_one_do_not_wait_for_each_other(
    broker: Any, start: Any, until: Any
) -> None:
    bridge = await start(broker, "qos = 1")
    async with asyncio.timeout(1.5):  # with a delayed acknowledgement by TCP it takes 40 ms each
        for index in range(50):
            bridge.offer(*[Message.of("/a", index)] * 3)
            await until(lambda index=index: bridge.delivery.sent == 3 * index + 3)


async def test_messages_with_qos_1_and_2_are_kept_on_disk(broker: Any, start: Any) -> None:
    bridge = await start(broker, "qos = 1")
    keeps = bridge.endpoint.keeps
    assert keeps(Message.of("/a"))
    for qos, kept in ((None, True), (0, False), (2, True)):
        routed = Routed(MQTTRoute(qos=qos), {})
        assert keeps(Message.of("/a")._replace(route=routed)) is kept


async def test_what_paho_publishes_itself_is_answered_to_paho(
    broker: Any, start: Any, until: Any
) -> None:
    bridge = await start(
        broker,
        "qos = 1",
        '[[route]]\nfrom="osc"\nmatch="/two"\nto="mqtt"\nmqtt={qos=2}\n'
        '[[route]]\nfrom="osc"\nmatch="/one"\nto="mqtt"\n',
    )
    paho = bridge.endpoint._link._client
    paho._last_mid = 65_530  # as after a long time
    for index in range(20):
        bridge.send(*[Message.of(f"/{name}", index) for name in ("one", "two", "one", "two")])
        await until(lambda index=index: bridge.delivery.sent == 4 * index + 4)
    assert paho.drop_out_messages() == []
    assert bridge.endpoint._link._sent == set()
