"""Messages without JetStream, both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nats
import pytest

from oscbridge import Message, TimeTag, encode_bundle, encode_message
from oscbridge.testing import until
from oscbridge_nats.connecting import connect_to
from oscbridge_nats.headers import MAX_HOPS, HeaderReader, status_of
from oscbridge_nats.options import NATSOptions

SUBSCRIBE = 'subscribe = ["osc.>"]\n'


async def test_message_is_published_as_a_packet_with_its_types(
    server: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(server, ">")
    bridge = await start(server)
    message = Message("/mixer/1/fader", "hfsT", (1 << 40, 0.5, "x", True))
    bridge.send(message)
    seen = await watcher.next()
    assert seen.subject == "osc.mixer.1.fader"
    assert seen.data == encode_message(message)
    assert seen.headers == {"Oscbridge-Origin": seen.headers["Oscbridge-Origin"],
                            "Oscbridge-Hops": "1"}  # fmt: skip


PAYLOADS = [
    ("json", Message.of("/a", 0.5), b"0.5"),
    ("json", Message.of("/a", 1, "x"), b'[1,"x"]'),
    ("json", Message("/a"), b"null"),
    ("text", Message.of("/a", 1, "x"), b"1 x"),
    ('{"level": {0}}', Message.of("/a", 0.5), b'{"level": 0.5}'),
]


@pytest.mark.parametrize(("payload", "message", "data"), PAYLOADS, ids=str)
async def test_payload_has_the_chosen_format(
    server: Any, start: Any, watch: Any, payload: str, message: Message, data: bytes
) -> None:
    watcher = await watch(server, "osc.a")
    bridge = await start(server, f"payload = '{payload}'")
    bridge.offer(message)
    assert (await watcher.next()).data == data


ROUTE = """
[[route]]
from  = "osc"
match = "/mixer/{ch}/{rest}"
to    = "hub"
nats  = { subject = "studio.{ch}.{0}.{rest}", payload = "json" }
"""


async def test_subject_template_is_filled_and_escaped(server: Any, start: Any, watch: Any) -> None:
    watcher = await watch(server, "studio.>")
    bridge = await start(server, more=ROUTE)
    bridge.send(Message.of("/mixer/1/fader", "a.b *"))
    assert (await watcher.next()).subject == "studio.1.a%2Eb%20%2A.fader"


async def test_value_that_makes_no_subject_is_rejected(server: Any, start: Any) -> None:
    bridge = await start(server, more=ROUTE)
    bridge.send(Message.of("/mixer/1/fader", "x" * 3_000))
    await until(lambda: bridge.status.dropped == {"bad": 1})
    text = "/mixer/1/fader: a subject for publishing must have at most 2048 bytes, got 3015"
    assert f"ERROR oscbridge.endpoint.hub: 1 message lost: {text}" in bridge.bridge.log


async def test_packet_of_a_subject_reaches_the_routes(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server, SUBSCRIBE)
    watcher = await watch(server)
    message = Message("/mixer/1/fader", "hf", (1 << 40, 0.5))
    await watcher.client.publish("osc.mixer.1.fader", encode_message(message))
    received = await bridge.next()
    assert received[:3] == message[:3]
    assert received.origin is not None and received.origin.source == "hub"
    assert received.origin.peer[:3] == ("127.0.0.1", server.port, 0)


RECEIVED = [
    ("json", b"0.5", [("/a/b", "f", (0.5,))]),
    ("json", b'{"x": 1, "y": {"z": "on"}}', [("/a/b/x", "i", (1,)), ("/a/b/y/z", "s", ("on",))]),
    ("json", b"", [("/a/b", "", ())]),
    ("text", b"21.5", [("/a/b", "f", (21.5,))]),
    ("text", b"hello", [("/a/b", "s", ("hello",))]),
    ("text", b"\xff", [("/a/b", "b", (b"\xff",))]),
]


@pytest.mark.parametrize(("payload", "data", "messages"), RECEIVED, ids=str)
async def test_received_payload_is_decoded(
    server: Any, start: Any, watch: Any, payload: str, data: bytes, messages: list[object]
) -> None:
    subscribe = f'subscribe = [{{ subject = "osc.>", payload = "{payload}" }}]'
    bridge = await start(server, subscribe)
    watcher = await watch(server)
    await watcher.client.publish("osc.a.b", data)
    assert [(await bridge.next())[:3] for _ in messages] == messages


async def test_time_tag_survives_the_way(server: Any, start: Any, watch: Any) -> None:
    watcher = await watch(server, "osc.>")
    bridge = await start(server)
    bridge.offer(Message.of("/a", 1)._replace(timetag=TimeTag(1 << 40)))
    packet = encode_bundle([encode_message(Message.of("/a", 1))], TimeTag(1 << 40))
    assert (await watcher.next()).data == packet


async def test_own_messages_do_not_come_back(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server, SUBSCRIBE + "default_routes = true\n")
    watcher = await watch(server, "osc.>")
    bridge.send(Message.of("/mine", 1))
    assert (await watcher.next()).subject == "osc.mine"
    await watcher.client.publish("osc.other", encode_message(Message.of("/other", 1)))
    assert (await bridge.next()).address == "/other"
    assert bridge.received.empty()


RING = """
[endpoint.two]
type      = "nats"
servers   = "{url}"
subscribe = ["osc.>"]

[[route]]
from = "hub"
to   = "two"
[[route]]
from = "two"
to   = "hub"
"""


async def test_ring_of_bridges_ends(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server, SUBSCRIBE, RING.format(url=server.url))
    watcher = await watch(server, "osc.>")
    await until(lambda: bridge.bridge.endpoint_status("two").connected)
    await watcher.client.publish("osc.ring", encode_message(Message.of("/ring", 1)))
    two = bridge.bridge
    await until(lambda: (bridge.status.received.bad | two.endpoint_status("two").received.bad)
                .get("loop"))  # fmt: skip
    await watcher.client.flush()
    assert watcher.seen.qsize() <= 1 + 2 * (2**1) * (MAX_HOPS + 1) ** 2


async def test_queue_group_divides_messages(server: Any, start: Any, watch: Any) -> None:
    group = 'subscribe = [{ subject = "osc.>", queue = "workers" }]'
    one, two = await start(server, group), await start(server, group)
    watcher = await watch(server)
    for number in range(200):
        await watcher.client.publish("osc.n", encode_message(Message.of("/n", number)))
    await until(lambda: one.received.qsize() + two.received.qsize() == 200)
    found = [each.received.get_nowait() for each in (one, two)
             for _ in range(each.received.qsize())]  # fmt: skip
    assert sorted(message.args[0] for message in found) == list(range(200))


async def test_invalid_payload_is_counted(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server, 'subscribe = ["osc.>", { subject = "j.>", payload = "json" }]')
    watcher = await watch(server)
    await watcher.client.publish("j.a", b"{")
    await watcher.client.publish("j.deep", b"[" * 50 + b"]" * 50)
    await watcher.client.publish("osc.a", b"odd?")
    await watcher.client.publish("osc.big", bytes(70_000))
    await watcher.client.publish("j.%FF", b"1")
    await until(lambda: sum(bridge.status.received.bad.values()) == 5)
    assert bridge.status.received.bad["json"] == 1
    assert bridge.status.received.bad["max_payload_size"] == 1
    assert bridge.status.received.bad["address"] == 2
    assert bridge.status.connected


async def test_only_messages_above_a_small_limit_of_the_server_are_rejected(
    start_server: Any, start: Any, watch: Any
) -> None:
    server = await start_server("max_payload: 400", 'jetstream { store_dir: "store" }')
    watcher = await watch(server, "osc.>")
    bridge = await start(server, 'stream = "show"', STORED)
    for address in ("/core", "/stored"):
        sizes = (100, 300, 500)
        bridge.send(*[Message.of(address, "x" * size) for size in sizes])
    await until(lambda: bridge.status.sent + sum(bridge.status.dropped.values()) == 6)
    assert bridge.status.dropped == {"bad": 3}
    assert bridge.status.connected
    seen = [(await watcher.next()).subject for _ in range(3)]
    assert sorted(seen) == ["osc.core", "osc.core", "osc.stored"]


STORED = """
[[route]]
from  = "osc"
match = "/stored"
to    = "hub"
nats  = { mode = "jetstream" }
[[route]]
from  = "osc"
match = "/core"
to    = "hub"
"""


def test_large_headers_are_not_kept() -> None:
    reader = HeaderReader("0" * 16)
    for number in range(100):
        headers = b"NATS/1.0\r\nX: %d%b\r\n\r\n" % (number, b"y" * 300)
        assert reader.hops(headers) == 0
    assert not reader._cache


async def test_stop_delivers_what_is_queued(server: Any, start: Any, watch: Any) -> None:
    watcher = await watch(server, "osc.>")
    bridge = await start(server)
    bridge.offer(*[Message.of("/n", number) for number in range(500)])
    await bridge.bridge.stop()
    await until(lambda: watcher.seen.qsize() == 500)
    assert bridge.status.sent == 500


SINK = """
[endpoint.seen]
type = "recording"
[[route]]
from = "hub"
to   = "seen"
"""


async def test_stop_of_one_worker_of_a_queue_group_loses_nothing(
    server: Any, start: Any, watch: Any
) -> None:
    group = 'subscribe = [{ subject = "osc.>", queue = "workers" }]'
    one, two = await start(server, group, SINK), await start(server, group, SINK)
    client = (await watch(server)).client
    seen = [each.bridge.recording("seen").messages for each in (one, two)]

    async def publish() -> None:
        for number in range(20_000):
            await client.publish("osc.n", encode_message(Message.of("/n", number)))
            if number % 50 == 0:
                await asyncio.sleep(0)

    publishing = asyncio.create_task(publish())
    await until(lambda: len(seen[0]) > 200)
    await one.bridge.stop()
    await publishing
    await until(lambda: sum(map(len, seen)) == 20_000)
    assert {each.args[0] for part in seen for each in part} == set(range(20_000))


async def test_messages_wait_while_there_is_no_server(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server)
    server.end()
    await until(lambda: not bridge.status.connected)
    bridge.offer(Message.of("/n", 1))
    await asyncio.sleep(0)
    server.start()
    watcher = await watch(server, "osc.>")
    with pytest.raises(nats.errors.Error):
        await watcher.js.stream_info("none")
    await until(lambda: bridge.status.connected)
    await until(lambda: bridge.status.sent == 1)


SLOW = """
[endpoint.seen]
type = "recording"
[[route]]
from     = "hub"
to       = "seen"
function = "slow_step:wait"
"""


async def test_messages_that_arrive_too_fast_are_counted(
    server: Any, start: Any, watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_step.py").write_text(
        "import time\ndef wait(message):\n    time.sleep(0.005)\n    return message\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    bridge = await start(server, SUBSCRIBE, SLOW)
    watcher = await watch(server)
    packet = encode_message(Message.of("/n", "x" * 1_000))  # few in the buffer of the socket
    for _ in range(2_000):
        await watcher.client.publish("osc.n", packet)
    await until(lambda: bridge.status.received.messages == 2_000, 40)
    assert bridge.status.received.dropped["slow_consumer"] > 100
    await until(lambda: not bridge.endpoint._backlog.is_large)
    await watcher.client.publish("osc.last", encode_message(Message.of("/last", 1)))
    seen = bridge.bridge.recording("seen").messages
    await until(lambda: seen and seen[-1].address == "/last", 40)


async def test_a_subscription_reaches_the_server_before_later_writes(server: Any) -> None:
    options = NATSOptions.model_validate({"servers": server.url})
    client = await connect_to(options, options.servers[0], "test")
    try:
        answers: list[bytes] = []
        client.subscribe_directly("here", lambda *parts: answers.append(parts[-1]))
        client.write(b"PUB nobody here 0\r\n\r\n")  # a server answers at once
        await client.flush()
        assert [status_of(each) for each in answers] == [503]
    finally:
        await client.abort()
