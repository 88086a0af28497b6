"""Streams and consumers that exist and do not fit, and those that somebody deletes."""

from __future__ import annotations

from typing import Any

import pytest
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

import oscbridge_nats.consumer
from oscbridge import Message, encode_message
from oscbridge.testing import until

STREAM = 'stream = "show"\n'
ROUTE = """
[[route]]
from = "osc"
to   = "hub"
nats = {{ mode = "jetstream"{more} }}
"""
PLAIN = ROUTE.format(more="")
WORKER = STREAM + 'subscribe = [{{ subject = "osc.>", durable = "workers"{more} }}]\n'
SINK = """
[endpoint.seen]
type = "recording"
[[route]]
from = "hub"
to   = "seen"
"""


async def test_messages_wait_while_the_stream_has_other_subjects(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["stage.>", "more"])
    bridge = await start(server, STREAM, PLAIN, connected=False)
    await bridge.problem(
        "stream 'show': it does not take 'osc.>', as its subjects are 'stage.>', 'more'"
    )
    bridge.send(Message.of("/a", 1))
    await until(lambda: bridge.status.in_flight == 1)
    await js.update_stream(name="show", subjects=["stage.>", "osc.>"])
    await until(lambda: bridge.status.sent == 1 and bridge.status.connected, 15)
    assert not bridge.status.dropped


async def test_messages_whose_subjects_another_stream_takes_wait(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["stage.>"])
    await js.add_stream(name="other", subjects=["osc.>"])
    bridge = await start(server, STREAM, PLAIN, connected=False)
    bridge.send(Message.of("/a", 1))
    await bridge.problem("stream 'show': it does not take 'osc.>', as its subjects are 'stage.>'")
    await js.delete_stream("other")
    await js.update_stream(name="show", subjects=["osc.>"])
    await until(lambda: bridge.status.sent == 1 and bridge.status.connected, 15)
    assert not bridge.status.dropped


async def test_subject_of_a_template_that_the_stream_does_not_take_is_named(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    bridge = await start(server, STREAM, ROUTE.format(more=', subject = "studio.{0}"'))
    bridge.send(Message.of("/a", "x"))
    await bridge.problem("stream 'show': it does not take 'studio.x', as its subjects are 'osc.>'")
    await js.update_stream(name="show", subjects=["osc.>", "studio.>"])
    await until(lambda: bridge.status.sent == 1 and bridge.status.connected, 15)


async def test_stream_without_acknowledgements_is_named(
    server: Any, start: Any, watch: Any
) -> None:
    js = (await watch(server)).js
    await js.add_stream(StreamConfig(name="show", subjects=["osc.>"], no_ack=True))
    bridge = await start(server, STREAM, PLAIN, connected=False)
    await bridge.problem("stream 'show': it acknowledges nothing (no_ack)")


async def test_stream_that_is_deleted_is_created_again(server: Any, start: Any, watch: Any) -> None:
    js = (await watch(server)).js
    bridge = await start(server, STREAM, PLAIN)
    for number in range(1, 4):
        bridge.send(Message.of("/n", number))
        await until(lambda number=number: bridge.status.sent == number, 15)
        assert (await js.get_msg("show", 1)).data == encode_message(Message.of("/n", number))
        await js.delete_stream("show")
    assert not bridge.status.dropped


@pytest.mark.parametrize("more", ["", ", partitions = 2"])
async def test_worker_reads_from_a_stream_that_was_deleted_and_is_there_again(
    server: Any, start: Any, watch: Any, more: str
) -> None:
    js = (await watch(server)).js
    bridge = await start(server, WORKER.format(more=more), SINK, connected=False)
    for number in range(1, 3):
        await js.add_stream(name="show", subjects=["osc.>"])
        await js.publish("osc.n", encode_message(Message.of("/n", number)))
        await bridge.bridge.recording("seen").arrived(number)
        for each in await js.streams_info():
            await js.delete_stream(each.config.name)
    found = bridge.bridge.recording("seen").messages
    assert [each.args[0] for each in found] == [1, 2]


async def test_consumer_that_vanishes_without_a_word_is_created_again(
    server: Any, start: Any, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is deleted between two requests for messages."""
    monkeypatch.setattr(oscbridge_nats.consumer, "GONE", 0.5)
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    bridge = await start(server, WORKER.format(more=""), SINK)
    await until(lambda: bridge.endpoint._durables._consumers, 15)
    [consumer] = bridge.endpoint._durables._consumers
    consumer.name = "another"
    consumer._wanted = 0
    await until(lambda: bridge.endpoint._durables._consumers not in ([], [consumer]), 15)
    await js.publish("osc.n", encode_message(Message.of("/n", 1)))
    await bridge.bridge.recording("seen").arrived(1)


CONSUMERS = [
    ({"deliver_subject": "there"}, "it is a push consumer; delete it, or change durable"),
    ({"ack_policy": AckPolicy.NONE}, "its ack_policy is 'none' instead of 'explicit'; delete it"),
    ({"ack_policy": AckPolicy.ALL}, "its ack_policy is 'all' instead of 'explicit'; delete it"),
]


@pytest.mark.parametrize(("config", "problem"), CONSUMERS, ids=range(len(CONSUMERS)))
async def test_consumer_that_cannot_be_used_is_named(
    server: Any, start: Any, watch: Any, config: dict[str, Any], problem: str
) -> None:
    js = (await watch(server)).js
    await js.add_stream(name="show", subjects=["osc.>"])
    await js.add_consumer("show", ConsumerConfig(durable_name="workers", **config))
    bridge = await start(server, WORKER.format(more=""), SINK, connected=False)
    await bridge.problem(f"consumer 'workers' of stream 'show': {problem}")
    await js.delete_consumer("show", "workers")
    await until(lambda: bridge.status.connected, 15)
    assert not bridge.status.problem


async def test_request_that_an_existing_consumer_refuses_is_shown(
    server: Any, start: Any, watch: Any
) -> None:
    watcher = await watch(server)
    await watcher.js.add_stream(name="show", subjects=["osc.>"])
    config = b'{"durable_name":"workers","ack_policy":"explicit","max_batch":10}'
    request = b'{"stream_name":"show","config":%b}' % config
    await watcher.client.request("$JS.API.CONSUMER.DURABLE.CREATE.show.workers", request)
    bridge = await start(server, WORKER.format(more=""), SINK, connected=False)
    await bridge.problem("consumer 'workers': Exceeded MaxRequestBatch of 10")
    await watcher.js.delete_consumer("show", "workers")
    await until(lambda: bridge.status.connected, 30)
