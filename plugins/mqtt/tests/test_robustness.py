"""Failing brokers, and invalid messages in both directions."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest

from oscbridge import Delivery, Message
from oscbridge.testing import until
from oscbridge_mqtt import batch
from oscbridge_mqtt.options import MQTTRoute

KEPT = (
    "persistence true",
    "autosave_interval 1",  # with the next line: after each change
    "autosave_on_changes true",
    "max_queued_messages 0",
)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory: the broker saves everything after each message."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/a+b", "must not contain '+'"),
        ("/a#", "must not contain '#'"),
        ("/" + "x" * 70_000, "got 70000"),
        ("/a\x01b", "must not contain '\\x01'"),
        ("/", "must have at least one character"),
    ],
)
async def test_address_that_is_not_a_valid_topic_is_counted(
    broker: Any, start: Any, watch: Any, caplog: Any, address: str, expected: str
) -> None:
    bridge = await start(broker)
    watcher = await watch(broker, "good")
    bridge.offer(Message.of(address, 1), Message.of("/good", 2), Message.of(address, 3))
    assert (await watcher.next()).payload == b"2"
    await until(lambda: bridge.drops["bad"] == 2)
    assert expected in caplog.text
    assert bridge.status.connected


async def test_missing_argument_for_a_placeholder_drops_only_that_message(
    broker: Any, start: Any, watch: Any, caplog: Any
) -> None:
    watcher = await watch(broker, "a/#")
    bridge = await start(
        broker, more='[[route]]\nfrom="osc"\nto="mqtt"\nmqtt={topic="a/{0}", payload="{1}"}\n'
    )
    bridge.send(Message.of("/x", "a"), Message.of("/x", "b+", 1), Message.of("/x", "c", 1))
    assert (await watcher.next()).topic == "a/c"
    await until(lambda: bridge.drops["bad"] == 2)
    assert "missing argument {1}" in caplog.text


async def test_payload_above_the_announced_packet_size_is_not_sent(
    start_broker: Any, start: Any, watch: Any, caplog: Any
) -> None:
    broker = await start_broker("max_packet_size 2000")
    watcher = await watch(broker, "a")
    bridge = await start(broker)
    bridge.offer(Message.of("/a", "x" * 3_000), Message.of("/a", 1))
    assert (await watcher.next()).payload == b"1"
    assert bridge.drops["bad"] == 1
    assert "the broker accepts packets of at most 2000 bytes" in caplog.text


async def test_payload_above_an_unannounced_limit_is_reported(
    start_broker: Any, start: Any, watch: Any, caplog: Any
) -> None:
    broker = await start_broker("message_size_limit 2000")
    watcher = await watch(broker, "a")
    bridge = await start(broker, "qos = 1")
    bridge.offer(Message.of("/a", "x" * 3_000), Message.of("/a", 1))
    assert (await watcher.next()).payload == b"1"
    await until(lambda: bridge.drops["bad"] == 1)
    assert "/a: rejected by the broker as a: Packet too large" in caplog.text


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
        (b"18446744073709551615", None),
        (b'"a\\u0000b"', "value"),
        (b'[{"a": 1}]', None),
        (orjson.dumps([1] * 20_000), "value"),
    ],
)
async def test_invalid_payload_is_counted_and_the_next_one_is_decoded(
    broker: Any, start: Any, watch: Any, payload: bytes, reason: str | None
) -> None:
    bridge = await start(broker, 'subscribe = [{topic = "a", payload = "json"}]')
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
        ("osc", b"/a\0\0,d\0\0\0"),
        ("osc", b"hello"),
    ],
)
async def test_payload_of_another_format_is_counted(
    broker: Any, start: Any, watch: Any, form: str, payload: bytes
) -> None:
    bridge = await start(broker, f'subscribe = ["a"]\npayload = "{form}"')
    watcher = await watch(broker)
    watcher.publish("a", payload)
    await until(lambda: bridge.bad.total() == 1)
    assert bridge.status.connected


async def test_reconnect_to_a_killed_broker_restores_the_subscriptions(
    start_broker: Any, start: Any, watch: Any
) -> None:
    broker = await start_broker()
    bridge = await start(broker, 'subscribe = ["in"]')
    broker.end(signal.SIGKILL)
    await until(lambda: not bridge.status.connected)
    broker.start()
    await until(lambda: bridge.status.connected)
    watcher = await watch(broker, "out")
    watcher.publish("in", "1")
    assert (await bridge.next()).args == (1,)
    bridge.send(Message.of("/out", 2))
    assert (await watcher.next()).payload == b"2"


@pytest.mark.load
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_qos_1_loses_nothing_when_the_broker_is_killed(
    memory: Path, start_broker: Any, start: Any, version: str
) -> None:  # the folder is named first, so that it outlives the broker
    count, rate = 20_000, 2_000
    broker = await start_broker(*KEPT, f"persistence_location {memory}/")
    # A process of its own keeps up best. What a subscriber has not taken yet is lost with the
    # broker, which acknowledges before it saves: those messages were not the bridge's any more.
    file = memory / "seen"
    command = f"mosquitto_sub -V 5 -p {broker.port} -i watcher -c -x 600 -q 1 -t n".split()
    bridge = await start(broker, f'qos = 1\nqueue = 30000\nversion = "{version}"')
    with (
        file.open("wb") as out,
        subprocess.Popen(command, stdout=out) as watcher,
        ExitStack() as stack,
    ):
        stack.callback(watcher.terminate)
        await until(lambda: b"as watcher" in broker.log_file.read_bytes())
        loop = asyncio.get_running_loop()
        begin, sent, acknowledged = loop.time(), 0, 0
        while sent < count:
            due = min(count, int((loop.time() - begin) * rate) + 1)
            bridge.offer(*[Message.of("/n", index) for index in range(sent, due)])
            sent = due
            if not acknowledged and sent > count // 2:
                broker.end(signal.SIGKILL)
                await until(lambda: not bridge.status.connected)  # it has read the last PUBACK
                acknowledged = bridge.status.sent
                broker.start()
            await asyncio.sleep(0.005)
        await until(lambda: bridge.status.sent == count, 30)
        await until(lambda: str(count - 1).encode() in file.read_bytes().split())
    assert {int(line) for line in file.read_bytes().split()} >= set(range(acknowledged, count))
    assert bridge.drops.total() == 0


async def test_missing_acknowledgements_close_the_connection(
    start_broker: Any, start: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(batch, "ACK_TIMEOUT", 0.5)
    broker = await start_broker()
    bridge = await start(broker, "qos = 1")
    broker.pause()
    bridge.send(Message.of("/a", 1))
    await until(lambda: "acknowledged nothing" in bridge.status.problem)
    broker.end(signal.SIGKILL)
    broker.start()
    await until(lambda: bridge.status.sent == 1)


async def test_keepalive_detects_a_silent_broker(start_broker: Any, start: Any) -> None:
    broker = await start_broker()
    bridge = await start(broker, "keepalive = 5")
    broker.pause()
    await until(lambda: not bridge.status.connected)
    assert bridge.status.problem == "the broker does not respond"


@pytest.mark.load
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_burst_arrives_complete_and_in_order(
    start_broker: Any, start: Any, version: str, qos: int
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
    assert source.status.sent == 3_000


@pytest.mark.load
async def test_messages_in_flight_stay_within_the_limit_of_mosquitto(
    start_broker: Any, start: Any, caplog: Any
) -> None:
    broker = await start_broker("max_inflight_messages 3")
    bridge = await start(broker, "qos = 2")
    bridge.offer(*[Message.of("/n", index) for index in range(1_000)])
    await until(lambda: bridge.status.sent == 1_000)
    assert "not connected" not in caplog.text  # Mosquitto closes the connection above its limit


@pytest.mark.load
async def test_send_queue_is_bounded_while_disconnected(start_broker: Any, start: Any) -> None:
    broker = await start_broker()
    bridge = await start(broker, "qos = 1\nqueue = 1000")
    broker.end()
    await until(lambda: not bridge.status.connected)
    for begin in range(0, 100_000, 1_000):
        bridge.offer(*[Message.of("/n", index) for index in range(begin, begin + 1_000)])
        await asyncio.sleep(0)
    assert bridge.status.queued + bridge.status.in_flight <= 1_000
    assert bridge.drops["full"] >= 98_000 - 1_024


async def test_stop_does_not_wait_for_a_paused_broker(start_broker: Any, start: Any) -> None:
    broker = await start_broker()
    bridge = await start(broker, "qos = 1")
    broker.pause()
    bridge.send(*[Message.of("/a", index) for index in range(100)])
    async with asyncio.timeout(10):
        await bridge.stop()
    assert bridge.drops["stopped"] <= 100


async def test_acknowledgements_are_not_delayed_by_tcp(broker: Any, start: Any) -> None:
    bridge = await start(broker, "qos = 1")
    took = []
    for index in range(50):
        began = time.monotonic()
        bridge.offer(*[Message.of("/a", index)] * 3)
        await until(lambda index=index: bridge.status.sent == 3 * index + 3)
        took.append(time.monotonic() - began)
    # With a delayed acknowledgement by TCP it takes 40 ms each. Others may be slow: a busy machine.
    assert sum(sorted(took)[:25]) < 25 * 0.03


async def test_durable_messages_are_those_with_qos_1_and_2(broker: Any, start: Any) -> None:
    bridge = await start(broker, "qos = 1")
    is_durable = bridge.endpoint.is_durable
    assert is_durable(Delivery(Message.of("/a"), None, {}))
    for qos, durable in ((None, True), (0, False), (2, True)):
        assert is_durable(Delivery(Message.of("/a"), MQTTRoute(qos=qos), {})) is durable


@pytest.mark.load
async def test_packet_identifiers_wrap_around_without_losing_an_acknowledgement(
    broker: Any, start: Any
) -> None:
    bridge = await start(
        broker,
        "queue = 100000",
        '[[route]]\nfrom="osc"\nmatch="/two"\nto="mqtt"\nmqtt={qos=2}\n'
        '[[route]]\nfrom="osc"\nmatch="/one"\nto="mqtt"\nmqtt={qos=1}\n',
    )
    count = 70_000  # messages with QoS 0 take an identifier of the 65,535 as well
    for start_at in range(0, count, 1_000):
        bridge.send(*[Message.of(f"/{name}", start_at) for name in ("one", "two", "one", "two")])
        bridge.offer(*[Message.of("/zero", start_at + index) for index in range(1_000)])
    await until(lambda: bridge.status.sent == count + 4 * count // 1_000)
    assert bridge.drops.total() == 0
