"""The policy ``spool``: delivery, transactions, bounds and stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from spool_harness import (
    WAIT,
    Away,
    Item,
    Sink,
    SinkRoute,
    make,
    offer,
    safe,
    spool_of,
    started,
    until,
    value,
)

from oscbridge import (
    Delivery,
    Endpoint,
    Message,
    Options,
    Origin,
)
from oscbridge.bridge.sinks.spool import index as index_module
from oscbridge.bridge.sinks.spool import thread as thread_module
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.schema import StoredBlock

# --- delivery ----------------------------------------------------------------------------------


async def test_messages_are_delivered_in_order_and_complete(path: Path) -> None:
    sink = Sink()
    message = Message("/a", "f", (0.5,), None, Origin("stage", ("10.0.0.7", 1)))
    messages = [
        Delivery(message, SinkRoute(topic="a"), {"n": "3"}),
        Delivery(Message("/b", "[ii]s", ([1, 2], "x")), None, {}),
        *map(value, range(1_000)),
    ]
    async with started(sink, path) as delivery:
        for message in messages:
            delivery.offer(message)
        await until(lambda: len(sink.messages) == len(messages))
    assert sink.messages == messages
    assert (delivery.offered, delivery.sent, delivery.queued) == (1_002, 1_002, 0)


async def test_undelivered_messages_survive_a_restart(path: Path) -> None:
    route, captures, origin = SinkRoute(topic="a"), {"n": "3"}, Origin("in", None)
    messages = [
        Delivery(Message("/a", "i", (n,), None, origin), route, captures) for n in range(500)
    ]
    async with started(Away(), path) as delivery:
        for message in messages:
            delivery.offer(message)
    assert (delivery.sent, delivery.drops, delivery.queued) == (0, {}, 500)
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: len(sink.messages) == 500)
        offer(delivery, 500)
        await until(lambda: len(sink.messages) == 501)
    assert sink.messages == [*messages, value(500)]
    assert (delivery.offered, delivery.sent, delivery.queued) == (501, 501, 0)


async def test_delivered_messages_are_not_repeated_after_a_restart(path: Path) -> None:
    async with started(Sink(), path) as delivery:
        offer(delivery, *range(100))
        await until(lambda: delivery.sent == 100)
    sink = Sink()
    async with started(sink, path) as delivery:
        assert delivery.offered == 0
        offer(delivery, 100)
        await until(lambda: delivery.sent == 1)
    assert sink.values == [100]


async def test_outages_of_the_sink_lose_nothing(path: Path) -> None:
    sink = Sink()
    async with started(sink, path, queue_size=1_000) as delivery:
        for number in range(5_000):
            offer(delivery, number)
            if number % 500 == 0:
                sink.up = not sink.up
                await safe(delivery)
        sink.up = True
        await until(lambda: delivery.sent == 5_000)
    assert sink.values == [*range(5_000)]
    assert delivery.drops == {}


async def test_messages_above_the_window_are_read_from_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "WINDOW", 50)
    sink = Away()
    async with started(sink, path) as delivery:
        offer(delivery, *range(5_000))
        await safe(delivery)
        assert delivery.queued == 5_000
        sink.up = True
        await until(lambda: delivery.sent == 5_000)
    assert sink.values == [*range(5_000)]


async def test_volatile_messages_keep_their_place_and_do_not_survive_a_restart(
    path: Path,
) -> None:
    sink = Away()
    async with started(sink, path) as delivery:
        for number in range(10):
            delivery.offer(value(number, "/loose" if number % 2 else "/n"))
        sink.up = True
        await until(lambda: delivery.sent == 10)
        assert sink.values == [*range(10)]
        sink.up = False
        for number in range(10):
            delivery.offer(value(number, "/loose" if number % 2 else "/n"))
        await until(lambda: spool_of(delivery).unsafe == 5)
    assert delivery.drops == {"stopped": 5}
    assert delivery.queued == 5
    again = Sink()
    async with started(again, path) as delivery:
        await until(lambda: delivery.sent == 5)
    assert again.values == [0, 2, 4, 6, 8]


async def test_rejected_message_is_deleted_from_disk(path: Path) -> None:
    sink = Sink()
    sink.bad = [(3,)]
    async with started(sink, path) as delivery:
        offer(delivery, *range(6))
        await until(lambda: delivery.sent == 5)
    assert delivery.drops == {"bad": 1}
    async with started(Sink(), path) as delivery:
        assert delivery.offered == 0


async def test_message_whose_durability_is_unknown_is_kept_in_memory(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Sink):
        def is_durable(self, message: Item) -> bool:
            raise RuntimeError("no idea")

    sink = Broken()
    async with started(sink, path) as delivery:
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
    text = f"cannot keep a message to /n on disk: no idea: RuntimeError ({__file__}:"
    assert text in caplog.text


class Unspeakable(OSError):
    def __str__(self) -> str:
        raise SystemExit

    __repr__ = __str__


async def test_error_without_a_text_costs_no_message(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Sink):
        def is_durable(self, message: Item) -> bool:
            raise Unspeakable

    sink = Broken()
    async with started(sink, path) as delivery:
        for number in range(3):
            offer(delivery, number)
            await until(lambda: delivery.sent == number + 1)  # noqa: B023
    assert "cannot keep a message to /n on disk: its text cannot be shown" in caplog.text


async def test_end_of_the_thread_is_a_problem(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise MemoryError("no more")

    sink = Sink()
    async with started(sink, path) as delivery:
        offer(delivery, 1)
        await until(lambda: delivery.sent == 1)
        monkeypatch.setattr(SpoolDatabase, "append", fail)
        offer(delivery, 2)
        await until(lambda: delivery.queue_problem)
        assert delivery.queue_problem.startswith("its thread has ended: MemoryError: no more (")
        assert delivery.counts().queued == 1
    counts = delivery.counts()
    assert counts.offered == counts.sent + sum(counts.dropped.values()) + counts.queued
    assert counts.queued == 0
    assert delivery.queue_problem in caplog.text


async def test_message_that_cannot_be_encoded_is_delivered_from_memory(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Sink()
    async with started(sink, path) as delivery:
        offer(delivery, 1)
        delivery.offer(Message("/n", "i", ("no number",)))
        offer(delivery, 2)
        await until(lambda: delivery.sent == 3)
    assert sink.values == [1, "no number", 2]
    assert "cannot keep a message to /n on disk: /n ,i: argument 0" in caplog.text


async def test_many_threads_can_put_messages(path: Path) -> None:
    sink = Sink()

    def work(thread: int) -> None:
        for number in range(1_000):
            delivery.offer(value(thread * 1_000 + number))

    async with started(sink, path) as delivery:
        await asyncio.gather(*(asyncio.to_thread(work, thread) for thread in range(4)))
        await until(lambda: delivery.sent == 4_000)
    for thread in range(4):
        mine = [each for each in sink.values if each // 1_000 == thread]  # type: ignore[operator]
        assert mine == [*range(thread * 1_000, thread * 1_000 + 1_000)]


# --- transactions ------------------------------------------------------------------------------


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Messages of each transaction, from now on; the next one is a minute away."""
    monkeypatch.setattr(thread_module, "WRITE_INTERVAL", 60.0)
    written: list[int] = []
    append = SpoolDatabase.append

    def count(store: SpoolDatabase, blocks: Sequence[StoredBlock], done: int) -> None:
        written.append(sum(each.messages for each in blocks))
        append(store, blocks, done)

    monkeypatch.setattr(SpoolDatabase, "append", count)
    return written


async def test_streamed_messages_share_a_transaction_until_they_are_many(
    path: Path, writes: list[int]
) -> None:
    sink = Sink()
    async with started(sink, path, queue_size=100) as delivery:
        for number in range(51):
            offer(delivery, number)
            await asyncio.sleep(0)
        assert writes == []
        offer(delivery, 51)
        await until(lambda: len(sink.messages) == 52)
        assert writes == [52]


async def test_stop_writes_at_once(path: Path, writes: list[int]) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, 1, 2, 3)
    assert writes == [3]


# --- bounds ------------------------------------------------------------------------------------


async def test_full_file_drops_and_counts_the_oldest(path: Path) -> None:
    sink = Away()
    async with started(sink, path, size=1 << 20) as delivery:
        for number in range(100):
            delivery.offer(Message("/n", "ib", (number, bytes(50_000))))
            await safe(delivery)
        await until(lambda: delivery.drops["full"] > 70)
        assert delivery.queued + delivery.drops["full"] == 100
        sink.up = True
        await until(lambda: not delivery.queued)
    assert sink.values == [*range(delivery.drops["full"], 100)]
    assert 15 <= delivery.sent <= 25


async def test_message_larger_than_the_spool_is_the_only_one_dropped(path: Path) -> None:
    sink = Away()
    async with started(sink, path, size=1 << 20) as delivery:
        offer(delivery, 1)
        delivery.offer(Message("/n", "ib", (2, bytes(2 << 20))))
        offer(delivery, 3)
        await until(lambda: delivery.drops["full"] == 1)
        sink.up = True
        await until(lambda: delivery.sent == 2)
    assert sink.values == [1, 3]


async def test_messages_faster_than_the_disk_are_dropped_and_counted(path: Path) -> None:
    sink = Sink()
    async with started(sink, path, queue_size=10) as delivery:
        offer(delivery, *range(1_000))
        await until(lambda: not delivery.queued)
    assert delivery.sent + delivery.drops["full"] == 1_000
    assert delivery.drops["full"] >= 900
    assert sink.values[-10:] == [*range(990, 1_000)]


# --- stop --------------------------------------------------------------------------------------


async def test_stop_writes_new_messages(path: Path) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(5_000))
    assert (delivery.queued, delivery.drops) == (5_000, {})
    async with started(Away(), path) as delivery:
        assert delivery.queued == 5_000


async def test_message_in_flight_at_the_stop_is_delivered_after_a_restart(path: Path) -> None:
    sink = Sink()
    sink.stuck = True
    async with started(sink, path) as delivery:
        offer(delivery, *range(10))
        await until(lambda: delivery.queued == 10 and not spool_of(delivery).unsafe)
    assert (delivery.queued, delivery.drops) == (10, {})
    sink = Sink()
    async with started(sink, path) as delivery:
        await until(lambda: delivery.sent == 10)
    assert sink.values == [*range(10)]


async def test_stop_delivers_queued_messages(path: Path) -> None:
    sink = Sink()
    delivery = make(sink, path)
    await delivery.start()
    offer(delivery, *range(2_000))
    await delivery.stop(WAIT)
    assert sink.values == [*range(2_000)]


async def test_ignored_endpoint_keeps_its_file(path: Path) -> None:
    async with started(Away(), path) as delivery:
        offer(delivery, *range(5))
    async with started(Away(), path, on_start="ignore") as delivery:
        offer(delivery, 5)
    assert (delivery.queued, delivery.drops) == (5, {"closed": 1})


async def test_stop_logs_how_many_messages_are_on_disk(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with started(Away(), path) as delivery:
        offer(delivery, *range(7))
    assert "7 messages kept on disk" in caplog.text


# --- cost --------------------------------------------------------------------------------------


@pytest.mark.load
async def test_throughput_is_twenty_thousand_messages_per_second(path: Path) -> None:
    class Null(Endpoint):
        async def send_batch(self, messages: Sequence[Message]) -> None:
            pass

    loop = asyncio.get_running_loop()
    async with started(Null("null", Options()), path, queue_size=100_000) as delivery:
        begin, number = loop.time(), 0
        while number < 60_000:
            due = min(int((loop.time() - begin) * 20_000), 60_000)
            offer(delivery, *range(number, due))
            number = due
            await asyncio.sleep(0.001)
        await until(lambda: delivery.sent == 60_000)
        assert loop.time() - begin < 4.5
    assert delivery.drops == {}


@pytest.mark.load
async def test_half_a_million_messages_on_disk_do_not_delay_the_start(path: Path) -> None:
    async with started(Away(), path, queue_size=1_000_000) as delivery:
        offer(delivery, *range(500_000))
        await safe(delivery)
    assert delivery.queued == 500_000
    sink = Sink()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with started(sink, path) as delivery:
        assert loop.time() - begin < 1.0
        await until(lambda: bool(sink.messages))
        assert loop.time() - begin < 1.0
        assert delivery.offered == 500_000
        assert spool_of(delivery).in_memory <= 2 * index_module.WINDOW
