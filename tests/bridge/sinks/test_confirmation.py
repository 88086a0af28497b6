"""An endpoint that acknowledges what it receives waits until the sinks are done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from spool_harness import Sink, offer, safe, started

import oscbridge
from oscbridge.contract.abilities import Consuming
from oscbridge.testing import running_bridge, until

CONFIGURATION = """
[bridge.osc]
listen = "udp://127.0.0.1:0"
[endpoint.source]
type = "source"
[endpoint.lamp]
type = "lamp"
[endpoint.other]
type = "lamp"
[[route]]
from = "source"
to   = "lamp"
[[route]]
from = "osc"
to   = ["lamp", "other"]
"""


class Source(oscbridge.Endpoint, Consuming):
    """Only receives."""

    consumer_lag = {"tasks": 7}  # noqa: RUF012


class Lamp(oscbridge.Endpoint):
    """Sends nothing until it may."""

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.may_send = asyncio.Event()
        self.is_broken = False

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        await self.may_send.wait()
        if self.is_broken:
            raise oscbridge.BadMessage("no")


@pytest.mark.parametrize("is_broken", [False, True])
async def test_wait_ends_when_the_message_is_delivered_or_dropped(is_broken: bool) -> None:
    async with running_bridge(CONFIGURATION, {"source": Source, "lamp": Lamp}) as bridge:
        source, lamp, other = map(bridge.endpoint, ("source", "lamp", "other"))
        assert isinstance(lamp, Lamp) and isinstance(other, Lamp)
        lamp.is_broken = is_broken
        bridge.send("osc", oscbridge.Message("/elsewhere"))
        await until(lambda: bridge.endpoint_status("other").offered == 1)
        source.receive(oscbridge.Message("/a"))
        waiting = asyncio.ensure_future(source.host.until_delivered())
        await until(lambda: bridge.endpoint_status("lamp").offered == 2)
        assert not waiting.done()
        lamp.may_send.set()
        async with asyncio.timeout(10):
            await waiting  # although the other lamp has sent nothing
        other.may_send.set()


async def test_message_without_a_route_is_not_waited_for() -> None:
    text = CONFIGURATION.split("[[route]]")[0]
    async with running_bridge(text, {"source": Source, "lamp": Lamp}) as bridge:
        source = bridge.endpoint("source")
        source.receive(oscbridge.Message("/a"))
        async with asyncio.timeout(10):
            await source.host.until_delivered()


async def test_lag_of_a_consumer_is_a_metric() -> None:
    async with running_bridge(CONFIGURATION, {"source": Source, "lamp": Lamp}) as bridge:
        line = 'oscbridge_endpoint_consumer_lag_messages{consumer="tasks",endpoint="source"} 7.0'
        assert line in bridge.metrics()


class Identifying(Sink):
    """Asks what identifies the messages that it sends."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:  # type: ignore[override]
        found = self.host.record_ids(messages)
        await super().send_batch(messages)  # type: ignore[arg-type]
        self.ids += found


async def test_records_keep_their_ids_after_a_restart(tmp_path: Path) -> None:
    first, second = Identifying(), Identifying()
    async with started(first, tmp_path / "x.spool") as delivery:
        offer(delivery, 1, 2)
        await until(lambda: len(first.ids) == 2)
        first.up = False
        offer(delivery, 3)
        await safe(delivery)
        await until(lambda: not delivery.connected)
    async with started(second, tmp_path / "x.spool") as delivery:
        offer(delivery, 4)
        await until(lambda: len(second.ids) == 2)
    names = {each.rpartition("-")[0] for each in first.ids + second.ids}
    assert len(names) == 1 and len(names.pop()) == 16
    assert [each.rpartition("-")[2] for each in first.ids + second.ids] == ["1", "2", "3", "4"]


async def test_other_files_have_other_ids_and_volatile_messages_none(tmp_path: Path) -> None:
    sinks = [Identifying(), Identifying()]
    for number, sink in enumerate(sinks):
        async with started(sink, tmp_path / f"{number}.spool") as delivery:
            offer(delivery, 1)
            await until(lambda sink=sink: sink.ids)
    assert sinks[0].ids[0] != sinks[1].ids[0]
    loose = Identifying()
    async with started(loose, tmp_path / "2.spool") as delivery:
        message = oscbridge.Delivery(oscbridge.Message.of("/loose", 1), None, {})
        delivery.offer(message)
        await until(lambda: loose.messages)
    assert loose.ids == [""]
