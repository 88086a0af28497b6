"""Streams: created, published to, and read from durable consumers."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

from nats.js.api import ConsumerConfig, StorageType
from programs import find_program

from oscbridge import Message, encode_message
from oscbridge.testing import running_process, until

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
    server.start()
    await until(lambda: again.status.sent == 1)
    assert (await js.get_msg("show", 3)).headers["Nats-Msg-Id"] == f"{first[:-2]}-3"


class Relay:
    """Passes bytes on to a server, and acknowledgements only after :attr:`answers` is set. Counts
    the messages published to each subject."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.published: Counter[str] = Counter()
        self.answers = asyncio.Event()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other, onward = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, onward]
        with contextlib.suppress(OSError):
            await asyncio.gather(self._count(reader, onward), self._hold(other, writer))

    async def _count(self, reader: asyncio.StreamReader, onward: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.published.update(re.findall(r"HPUB osc\.(\S+)", data.decode("latin-1")))
            onward.write(data)

    async def _hold(self, other: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await other.read(65_536):
            if b'"stream":"show"' in data and b"STREAM" not in data:
                await self.answers.wait()
            writer.write(data)

    def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()


async def test_two_messages_of_a_subject_are_never_in_flight(
    server: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(server, "osc.>")
    await watcher.js.add_stream(name="show", subjects=["osc.>"])
    relay = Relay(server.port)
    bridge = await start(await relay.start(), STREAM, ROUTE)
    bridge.send(*[Message.of(f"/{n % 3}", n) for n in range(90)])
    await until(lambda: relay.published == {"0": 1, "1": 1, "2": 1})
    for _ in range(20):
        await watcher.client.flush()
    assert relay.published == {"0": 1, "1": 1, "2": 1}
    assert bridge.status.in_flight == 90
    relay.answers.set()
    await until(lambda: bridge.status.sent == 90)
    seen = [watcher.seen.get_nowait() for _ in range(90)]
    for part in range(3):
        numbers = [each.data for each in seen if each.subject == f"osc.{part}"]
        assert numbers == [encode_message(Message.of(f"/{part}", n)) for n in range(part, 90, 3)]
    relay.close()


async def test_number_of_messages_in_flight_has_a_limit(
    server: Any, start: Any, watch: Any
) -> None:
    await (await watch(server)).js.add_stream(name="show", subjects=["osc.>"])
    relay = Relay(server.port)
    bridge = await start(await relay.start(), STREAM + "max_inflight = 5\n", ROUTE)
    bridge.send(*[Message.of(f"/{n}", n) for n in range(50)])
    await until(lambda: relay.published.total() == 5)
    relay.answers.set()
    await until(lambda: bridge.status.sent == 50)
    relay.close()


async def test_message_that_the_stream_rejects_costs_only_itself(
    server: Any, start: Any, watch: Any
) -> None:
    await (await watch(server)).js.add_stream(name="show", subjects=["osc.>"], max_msg_size=400)
    bridge = await start(server, STREAM, ROUTE)
    bridge.send(Message.of("/a", "x" * 1_000), Message.of("/a", 1))
    await until(lambda: bridge.status.sent == 1)
    assert bridge.status.dropped == {"bad": 1}
    text = "1 message lost: osc.a: rejected by the stream: message size exceeds maximum allowed"
    assert f"ERROR oscbridge.endpoint.hub: {text}" in bridge.bridge.log


async def test_a_stream_named_error_takes_messages(server: Any, start: Any) -> None:
    bridge = await start(server, 'stream = "error"\n', ROUTE)
    bridge.send(Message.of("/a", 1))
    await until(lambda: bridge.status.sent == 1)
    assert not bridge.status.dropped


async def test_messages_wait_while_jetstream_is_not_enabled(
    start_server: Any, start: Any, watch: Any
) -> None:
    bridge = await start(await start_server(), STREAM, ROUTE, connected=False)
    problem = await bridge.problem("JetStream")
    assert problem.startswith("stream 'show': JetStream ")
    bridge.send(Message.of("/a", 1))
    await until(lambda: bridge.status.in_flight == 1)
    assert not bridge.status.dropped


async def test_message_that_is_never_acknowledged_is_set_aside(
    server: Any, start: Any, watch: Any
) -> None:
    """The worker before this one has died at it five times."""
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    await js.publish("osc.deadly", encode_message(Message.of("/deadly", 1)))
    config = ConsumerConfig(durable_name="workers", filter_subject="osc.>", ack_wait=0.2)
    await js.add_consumer("show", config)
    subscription = await js.pull_subscribe_bind("workers", "show")
    for _ in range(5):
        [message] = await subscription.fetch(1, timeout=5)
        assert message.subject == "osc.deadly"
        await message.nak()
    await js.publish("osc.good", encode_message(Message.of("/good", 1)))
    bridge = await start(server, WORKER, SINK)
    await bridge.bridge.recording("seen").arrived(1)
    assert [each.address for each in bridge.bridge.recording("seen").messages] == ["/good"]
    await until(lambda: bridge.status.received.dropped == {"poison": 1})
    text = "message 1 of stream 'show', osc.deadly: not acknowledged after 5 deliveries"
    assert any(text in line for line in bridge.bridge.log)
    assert (await js.get_msg("show", 1)).subject == "osc.deadly"


async def test_message_that_cannot_be_decoded_is_not_delivered_again(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    bridge = await start(server, WORKER + 'payload = "json"\n', SINK)
    await js.publish("osc.a", b"{")
    await until(lambda: bridge.status.received.bad == {"json": 1})
    async with asyncio.timeout(10):
        while (await js.consumer_info("show", "workers")).num_ack_pending:
            await asyncio.sleep(0.01)


async def test_partitions_divide_the_addresses(server: Any, start: Any, watch: Any) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    worker = WORKER.replace("} ]", "}]").replace('"workers" }', '"workers", partitions = 3 }')
    bridge = await start(server, worker, SINK)
    for n in range(60):
        await js.publish(f"osc.{n % 6}", encode_message(Message.of(f"/{n % 6}", n)))
    found = await bridge.bridge.recording("seen").arrived(60)
    for part in range(6):
        numbers = [each.args[0] for each in found if each.address == f"/{part}"]
        assert numbers == list(range(part, 60, 6))
    consumers = await js.consumers_info("show-workers-3")
    assert sorted(each.name for each in consumers) == ["workers-0", "workers-1", "workers-2"]
    assert {each.config.max_ack_pending for each in consumers} == {1}
    assert sum(each.delivered.consumer_seq > 0 for each in consumers) > 1


async def test_partitions_say_that_a_server_is_too_old(
    start_server: Any, start: Any, watch: Any
) -> None:
    old = find_program("nats-server")  # 2.9 of Debian 12
    server = await start_server('jetstream { store_dir: "store" }', program=old)
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    worker = WORKER.replace('"workers" }', '"workers", partitions = 3 }')
    bridge = await start(server, worker, SINK)
    problem = await bridge.problem("partitions need")
    assert "nats-server 2.10 or newer, and this is 2.9; update it, or remove" in problem
    assert [each.config.name for each in await js.streams_info()] == ["show"]


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


DRY = """
[bridge.stage]
listen = "udp://127.0.0.1:0"
[endpoint.hub]
type      = "nats"
servers   = "{url}"
stream    = "show"
subscribe = ["in.>", {{ subject = "osc.>", durable = "workers" }}]
[endpoint.seen]
type = "osc"
to   = "udp://127.0.0.1:9"
[[route]]
from = "stage"
to   = "hub"
nats = {{ mode = "jetstream" }}
[[route]]
from = "hub"
to   = "seen"
"""


async def test_dry_run_creates_publishes_and_acknowledges_nothing(server: Any, watch: Any) -> None:
    watcher = await watch(server, "osc.>")
    with running_process(DRY.format(url=server.url), "--dry") as process:
        process.send("stage", encode_message(Message.of("/lamp/hall", 0.5)))
        text = r"endpoint\.hub: dry run: would send /lamp/hall ,f 0\.5"
        await asyncio.to_thread(process.wait_for, text)
        await watcher.client.publish("in.level", encode_message(Message.of("/level", 3)))
        text = r"endpoint\.seen: dry run: would send /level ,i 3"  # it is a source all the same
        await asyncio.to_thread(process.wait_for, text)
        assert await watcher.js.streams_info() == []
        await asyncio.to_thread(process.stop)
    assert watcher.seen.empty()
