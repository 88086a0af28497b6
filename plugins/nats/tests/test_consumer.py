"""Durable consumers whose sinks are slow, that are deleted, or that cannot be created."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.js.api import ConsumerConfig

from oscbridge import Message, encode_message
from oscbridge.testing import free_port, until

SIGNS_OF_WORK = 7
"""At three in the time for an acknowledgement: enough for two more deliveries."""

UNREACHABLE = """
[endpoint.out]
type = "osc"
to   = "tcp+1.0://127.0.0.1:{port}"
[[route]]
from = "hub"
to   = "out"
"""


@contextlib.asynccontextmanager
async def listening(port: int) -> AsyncIterator[list[bytes]]:
    """Packets that arrive over TCP."""
    packets: list[bytes] = []

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                [size] = struct.unpack(">I", await reader.readexactly(4))
                packets.append(await reader.readexactly(size))
        writer.close()

    async with await asyncio.start_server(read, "127.0.0.1", port):
        yield packets


@pytest.mark.parametrize(
    ("ack_timeout", "existing"), [(1, None), (30, 1.0)], ids=["own", "existing consumer"]
)
async def test_no_message_is_delivered_twice_while_a_sink_is_unreachable(
    server: Any, start: Any, watch: Any, ack_timeout: int, existing: float | None
) -> None:
    watcher = await watch(server, "$JS.ACK.show.workers.>")
    js = watcher.js
    await js.add_stream(name="show", subjects=["osc.>"])
    if existing is not None:
        config = ConsumerConfig(
            durable_name="workers", filter_subject="osc.>", ack_wait=existing, ack_policy="explicit"
        )
        await js.add_consumer("show", config)
    port = free_port()
    more = f'durable = "workers", ack_timeout = {ack_timeout}, max_deliveries = 1'
    options = f'stream = "show"\nsubscribe = [{{ subject = "osc.>", {more} }}]\n'
    bridge = await start(server, options, UNREACHABLE.format(port=port))
    packets = [encode_message(Message.of("/n", n)) for n in range(20)]
    await js.publish("osc.n", packets[0])
    assert (await watcher.next()).data == b"+WPI"  # the first message is waited for
    for packet in packets[1:]:
        await js.publish("osc.n", packet)
    for _ in range(SIGNS_OF_WORK):
        while ".1.1.1." not in (await watcher.next()).subject:
            pass
    assert (await js.consumer_info("show", "workers")).num_redelivered == 0
    async with listening(port) as arrived:
        await until(lambda: len(arrived) >= len(packets), 30)
        while (await js.consumer_info("show", "workers")).num_ack_pending:
            await asyncio.sleep(0.01)
        assert arrived == packets
    assert not bridge.status.received.dropped


async def test_a_deleted_consumer_leaves_no_subscription(
    start_server: Any, start: Any, watch: Any
) -> None:
    port = free_port()
    server = await start_server('jetstream { store_dir: "store" }', f'http: "127.0.0.1:{port}"')
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    options = 'stream = "show"\nsubscribe = [{ subject = "osc.>", durable = "workers" }]\n'
    bridge = await start(server, options)

    def subscriptions() -> int:
        url = f"http://127.0.0.1:{port}/connz"
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = json.load(answer)["connections"]
        [count] = [each["subscriptions"] for each in found if each.get("name") == "oscbridge hub"]
        return int(count)

    async def reads(number: int) -> int:
        await js.publish("osc.n", encode_message(Message.of("/n", number)))
        async with asyncio.timeout(20):
            while (await bridge.next()).args[0] != number:  # a new consumer starts at the first
                pass
        return await asyncio.to_thread(subscriptions)

    before = await reads(0)
    for number in range(1, 4):
        await js.delete_consumer("show", "workers")
        assert await reads(number) == before


async def test_the_problem_of_one_task_is_not_hidden_by_the_success_of_another(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"], max_consumers=1)
    await js.add_consumer("show", ConsumerConfig(durable_name="other", ack_policy="explicit"))
    options = 'stream = "show"\nsubscribe = [{ subject = "osc.>", durable = "workers" }]\n'
    route = '[[route]]\nfrom = "osc"\nto = "hub"\nnats = { mode = "jetstream" }\n'
    bridge = await start(server, options, route, connected=False)
    problem = await bridge.problem("consumer 'workers' of stream 'show'")
    for number in range(1, 4):
        bridge.send(Message.of("/n", number))
        await until(lambda number=number: bridge.status.sent == number)
        assert bridge.status.problem == problem
    await js.delete_consumer("show", "other")
    await until(lambda: bridge.status.connected, 15)
    assert bridge.status.problem == ""


SEEN = """
[endpoint.seen]
type = "recording"
[[route]]
from = "hub"
to   = "seen"
"""


@pytest.mark.parametrize("more", ["", ", partitions = 2"])
async def test_stop_acknowledges_what_was_received(
    server: Any, start: Any, watch: Any, more: str
) -> None:
    client = (await watch(server)).client
    await client.jetstream().add_stream(name="show", subjects=["osc.>"])
    worker = f'subscribe = [{{ subject = "osc.>", durable = "workers"{more} }}]\n'
    bridge = await start(server, 'stream = "show"\n' + worker, SEEN)
    seen = bridge.bridge.recording("seen").messages

    async def publish() -> None:
        for number in range(5_000):
            packet = encode_message(Message.of("/n", number))
            await client.publish(f"osc.{number % 7}", packet)
            if number % 10 == 0:
                await asyncio.sleep(0)

    publishing = asyncio.create_task(publish())
    await until(lambda: len(seen) > 100)
    await bridge.bridge.stop()
    await publishing
    again = await start(server, 'stream = "show"\n' + worker, SEEN)
    rest = again.bridge.recording("seen").messages
    await until(lambda: len(seen) + len(rest) >= 5_000, 40)
    numbers = sorted(each.args[0] for each in (*seen, *rest))
    assert numbers == list(range(5_000)), "some were delivered twice"
