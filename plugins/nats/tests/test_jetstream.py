"""Streams: created, published to, and read from durable consumers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nats.js.api import StorageType

from oscbridge import Message, encode_message
from oscbridge.testing import until

STREAM = 'stream = "show"\n'
ROUTE = """
[[route]]
from = "osc"
to   = "hub"
nats = { mode = "jetstream" }
"""
WORKER = STREAM + 'subscribe = [{ subject = "osc.>", durable = "workers" }]\n'
SINK = """
[endpoint.seen]
type = "recording"
[[route]]
from = "hub"
to   = "seen"
"""


async def test_stream_is_created_with_the_defaults(server: Any, start: Any, watch: Any) -> None:
    bridge = await start(server, STREAM, ROUTE)
    bridge.send(Message.of("/mixer/1", 0.5))
    await until(lambda: bridge.status.sent == 1)
    js = (await watch(server)).js
    info = await js.stream_info("show")
    config = info.config
    assert config.subjects == ["osc.>"]
    assert (config.max_age, config.max_bytes) == (86_400, 1 << 30)
    assert (config.num_replicas, config.storage) == (1, StorageType.FILE)
    stored = await js.get_msg("show", 1)
    assert stored.subject == "osc.mixer.1"
    assert stored.data == encode_message(Message.of("/mixer/1", 0.5))


async def test_existing_stream_is_not_altered(server: Any, start: Any, watch: Any) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>", "more"], max_msgs=10)
    before = (await js.stream_info("show")).config
    bridge = await start(server, STREAM + "replicas = 3\nstream_max_age = 5\n", ROUTE)
    bridge.send(Message.of("/mixer/1", 0.5))
    await until(lambda: bridge.status.sent == 1)
    assert (await js.stream_info("show")).config == before


async def test_endpoint_without_a_jetstream_route_creates_no_stream(
    server: Any, start: Any, watch: Any
) -> None:
    bridge = await start(server, WORKER, SINK, connected=False)
    await bridge.problem("stream 'show': waiting for it")
    js = (await watch(server)).js
    assert await js.streams_info() == []
    await js.add_stream(name="show", subjects=["osc.>"])
    await js.publish("osc.a", encode_message(Message.of("/a", 1)))
    await bridge.bridge.recording("seen").arrived(1)
    await until(lambda: bridge.status.connected)


async def test_message_of_a_spool_keeps_its_id_after_a_restart(
    server: Any, start: Any, watch: Any, tmp_path: Path
) -> None:
    js = (await watch(server)).js
    spool = STREAM + f'policy = "spool"\nspool = {{ path = "{tmp_path / "x.spool"}" }}\n'
    bridge = await start(server, spool, ROUTE)
    bridge.send(Message.of("/n", 1))
    await until(lambda: bridge.status.sent == 1)
    bridge.send(Message.of("/n", 2))
    await until(lambda: bridge.status.sent == 2)
    first, second = [(await js.get_msg("show", n)).headers["Nats-Msg-Id"] for n in (1, 2)]
    assert first.endswith("-1") and second.endswith("-2")
    assert first[:-2] == second[:-2] and len(first) == 18
    await bridge.bridge.stop()
    server.end()
    again = await start(server, spool, ROUTE, connected=False)
    again.send(Message.of("/n", 3))
    await server.start()
    await until(lambda: again.status.sent == 1)
    assert (await js.get_msg("show", 3)).headers["Nats-Msg-Id"] == f"{first[:-2]}-3"


async def test_two_messages_of_a_subject_are_never_in_flight(
    server: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(server, "osc.>")
    bridge = await start(server, STREAM, ROUTE)
    bridge.offer(*[Message.of(f"/{n % 2}", n) for n in range(100)])
    await until(lambda: bridge.status.sent == 100)
    del watcher


async def test_consumer_acknowledges_after_delivery(server: Any, start: Any, watch: Any) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    bridge = await start(server, WORKER, SINK)
    for n in range(10):
        await js.publish("osc.n", encode_message(Message.of("/n", n)))
    await bridge.bridge.recording("seen").arrived(10)
    assert [m.args[0] for m in bridge.bridge.recording("seen").messages] == list(range(10))

    async def acknowledged() -> bool:
        info = await js.consumer_info("show", "workers")
        return info.num_ack_pending == 0 and info.ack_floor.stream_seq == 10

    while not await acknowledged():
        await asyncio.sleep(0.01)
    assert 'oscbridge_endpoint_consumer_lag_messages{consumer="workers",endpoint="hub"} 0.0' in (
        bridge.bridge.metrics()
    )
