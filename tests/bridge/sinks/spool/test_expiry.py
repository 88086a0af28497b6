"""The age of messages in a spool: running time, whatever the clock of the machine says."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Hashable
from pathlib import Path

import pytest
from spool_harness import (
    Away,
    Item,
    RunningClock,
    Sink,
    offer,
    safe,
    spool_of,
    started,
    until,
    value,
)

from oscbridge import MustDeliver
from oscbridge.bridge.sinks.spool.database import SpoolDatabase
from oscbridge.bridge.sinks.spool.records import build_block
from oscbridge.bridge.sinks.spool.running_time import EXPIRY_GRACE
from oscbridge.bridge.sinks.spool.schema import StoredBlock

DAY = 86_400.0


@pytest.fixture
def clock() -> RunningClock:
    return RunningClock()


class Ending(Away, MustDeliver[Item]):
    """Must receive messages to ``/off``, of those with one argument the last."""

    def must_deliver_key(self, message: Item) -> Hashable:
        return message.args if message.address == "/off" else None


def append(store: SpoolDatabase, number: int) -> None:
    store.append([StoredBlock(number, 1, build_block(number, [b"x"]))])


def surplus(store: SpoolDatabase, age: float) -> tuple[int, str] | None:
    return store.surplus(store.usage(), 1 << 30, age)


@pytest.mark.parametrize("jump", [-1e9, 1e9], ids=["backwards", "forwards"])
async def test_jump_of_the_system_clock_expires_nothing(
    path: Path, clock: RunningClock, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    async with started(Away(), path, age=DAY, clock=clock) as delivery:
        offer(delivery, 1)
        await safe(delivery)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + jump)
        clock.now += EXPIRY_GRACE
        offer(delivery, 2)
        await safe(delivery)
        assert (delivery.queued, delivery.drops) == (2, {})
    sink = Sink()
    async with started(sink, path, age=DAY, clock=clock) as delivery:
        await until(lambda: delivery.sent == 2)
    assert sink.values == [1, 2]


async def test_expired_messages_are_dropped_and_counted(path: Path, clock: RunningClock) -> None:
    sink = Away()
    async with started(sink, path, age=DAY, clock=clock) as delivery:
        offer(delivery, *range(10))
        await safe(delivery)
        clock.now += DAY + 1.0
        offer(delivery, 10)  # the thread also wakes every minute
        await until(lambda: delivery.drops == {"expired": 10})
        sink.up = True
        await until(lambda: delivery.sent == 1)
    assert sink.values == [10]


async def test_nothing_expires_within_ten_minutes_after_a_start(
    path: Path, clock: RunningClock
) -> None:
    async with started(Away(), path, clock=clock) as delivery:
        offer(delivery, *range(3_000))
        await safe(delivery)
        clock.now += 2 * EXPIRY_GRACE
        offer(delivery, 3_000)
        await safe(delivery)
    async with started(Away(), path, age=EXPIRY_GRACE, clock=clock) as delivery:
        clock.now += EXPIRY_GRACE - 1.0
        offer(delivery, 3_001)
        await until(lambda: spool_of(delivery).unwritten == 0)
        assert (delivery.queued, delivery.drops) == (3_002, {})
        clock.now += 2.0
        offer(delivery, 3_002)
        await until(lambda: delivery.drops["expired"] >= 3_001)
    assert delivery.offered == 3_003


async def test_messages_of_an_earlier_run_that_expire_soon_expire_at_the_start(
    path: Path, clock: RunningClock
) -> None:
    async with started(Away(), path, age=EXPIRY_GRACE - 1, clock=clock) as delivery:
        offer(delivery, *range(3_000))
        await safe(delivery)
    sink = Sink()
    async with started(sink, path, age=EXPIRY_GRACE - 1, clock=clock) as delivery:
        assert delivery.drops == {"expired": 3_000}
        offer(delivery, 3_000)
        await until(lambda: delivery.sent == 1)
    assert sink.values == [3_000]


async def test_messages_that_expire_soon_have_no_grace_after_a_start(
    path: Path, clock: RunningClock
) -> None:
    sink = Away()
    async with started(sink, path, age=2.0, clock=clock) as delivery:
        offer(delivery, 1)
        await safe(delivery)
        clock.now += 3.0
        offer(delivery, 2)
        await until(lambda: delivery.drops == {"expired": 1})
        sink.up = True
        await until(lambda: delivery.sent == 1)
    assert sink.values == [2]


def test_time_between_two_runs_does_not_count(path: Path, clock: RunningClock) -> None:
    store = SpoolDatabase(path, 0, clock)
    append(store, 1)
    store.close()
    clock.now += 30 * DAY
    store = SpoolDatabase(path, 0, clock)
    clock.now += EXPIRY_GRACE
    assert surplus(store, DAY) is None
    store.close()


def test_time_of_all_runs_counts(path: Path, clock: RunningClock) -> None:
    for run in range(4):
        store = SpoolDatabase(path, 0, clock)
        if not run:
            append(store, 1)
        clock.now += DAY / 3
        found = surplus(store, DAY)
        store.save_running_time()
        store.close()
        assert found == ((1, "expired") if run == 3 else None)
        clock.now = float(run)  # the machine started again


def test_message_after_a_long_pause_is_not_newer_than_the_saved_time(
    path: Path, clock: RunningClock
) -> None:
    store = SpoolDatabase(path, 0, clock)
    clock.now += 10 * DAY
    append(store, 1)
    store.close()  # as after a kill, the time is not saved here
    store = SpoolDatabase(path, 0, clock)
    clock.now += DAY + 1.0
    assert surplus(store, DAY) == (1, "expired")
    store.close()


@pytest.mark.parametrize("damage", ["UPDATE running SET body = x'00'", "DROP TABLE running"])
def test_file_without_a_valid_running_time_counts_from_its_newest_message(
    path: Path, clock: RunningClock, damage: str
) -> None:
    store = SpoolDatabase(path, 0, clock)
    append(store, 1)
    clock.now += 10 * DAY
    append(store, 2)
    store.close()
    with sqlite3.connect(path) as database:
        database.execute(damage)
    database.close()
    store = SpoolDatabase(path, 0, clock)
    assert surplus(store, DAY) is None
    clock.now += EXPIRY_GRACE
    assert surplus(store, DAY) == (1, "expired")
    store.close()


async def test_must_deliver_messages_do_not_expire(path: Path, clock: RunningClock) -> None:
    sink = Ending()
    async with started(sink, path, age=DAY, clock=clock) as delivery:
        for number in range(10_000):  # more than are in memory
            delivery.offer(value(number, "/off" if number % 1_000 == 7 else "/n"))
        await safe(delivery)
        delivery.offer(value(7, "/off"))
        await safe(delivery)
        clock.now += DAY + 1.0
        offer(delivery, 1)
        await until(lambda: delivery.drops == {"expired": 9_991})
        assert delivery.queued == 11
        sink.up = True
        await until(lambda: delivery.sent == 11)
    assert sorted(sink.values[:10]) == list(range(7, 10_000, 1_000))
    assert sink.values[9:] == [7, 1]


@pytest.mark.parametrize("age", [60.0, EXPIRY_GRACE - 1])
async def test_must_deliver_messages_of_an_earlier_run_do_not_expire(
    path: Path, clock: RunningClock, age: float
) -> None:
    async with started(Ending(), path, age=age, clock=clock) as delivery:
        for number in range(10_000):
            delivery.offer(value(number, "/off" if number % 1_000 == 7 else "/n"))
        await safe(delivery)
    sink = Ending()
    sink.up = True
    async with started(sink, path, age=age, clock=clock) as delivery:
        await until(lambda: delivery.sent == 10 and delivery.drops == {"expired": 9_990})
    assert sink.values == list(range(7, 10_000, 1_000))


async def test_full_file_keeps_must_deliver_messages(path: Path) -> None:
    sink = Ending()
    async with started(sink, path, size=300_000, age=DAY) as delivery:
        delivery.offer(value(7, "/off"))
        for number in range(0, 50_000, 5_000):
            offer(delivery, *range(number, number + 5_000))
            await until(lambda: not spool_of(delivery).unwritten)
        await until(lambda: delivery.drops["full"] > 10_000)
        sink.up = True
        await until(lambda: not delivery.queued)
    assert sink.values[0] == 7


async def test_must_deliver_message_in_a_send_that_fails_does_not_expire(path: Path) -> None:
    sink = Ending()
    sink.up = True
    async with started(sink, path, age=0.2) as delivery:
        await until(lambda: delivery.connected)
        sink.up = False
        delivery.offer(value(7, "/off"))
        delivery.offer(value(8))
        await until(lambda: not delivery.connected)
        await asyncio.sleep(0.3)
        sink.up = True
        await until(lambda: delivery.sent == 1 and delivery.drops == {"expired": 1})
    assert sink.values == [7]
