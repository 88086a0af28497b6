"""Delivery latency: which message of a queue is sampled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from oscbridge import Message
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import BOUNDS, Latency, LatencySampler
from oscbridge.bridge.sinks.queues import DropOldestQueue
from oscbridge.logs.rate_limited import RateLimitedLog

ALL = 1_000_000


class Clock(asyncio.SelectorEventLoop):
    """An event loop with an adjustable clock."""

    now = 100.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def loop() -> Iterator[Clock]:
    loop = Clock()
    yield loop
    loop.close()


def drops() -> DropCounter:
    return DropCounter(RateLimitedLog(logging.getLogger("oscbridge.test")))


def test_sampler_follows_one_message_at_a_time_from_put_until_take(loop: Clock) -> None:
    sampler = LatencySampler(loop.time)
    queue = DropOldestQueue(100, loop, drops(), sampler)

    def put(*numbers: int) -> None:
        for number in numbers:
            loop.now += 1.0
            queue.put(Message("/n", "i", (number,)))

    def sampled(count: int) -> float:
        loop.run_until_complete(queue.take(count))
        return sampler.entered_at

    put(1, 2, 3)  # at 101, 102, 103
    assert sampled(1) == 101.0
    assert sampled(1) == 0.0
    put(4, 5)  # at 104, after one that waits
    assert sampled(1) == 0.0
    put(6)
    assert sampled(1) == 104.0
    put(7)  # at 107
    assert sampled(2) == 0.0
    assert sampled(1) == 107.0


def test_sampler_forgets_a_dropped_message(loop: Clock) -> None:
    sampler = LatencySampler(loop.time)
    queue = DropOldestQueue(2, loop, drops(), sampler)
    for number in range(4):
        loop.now += 1.0
        queue.put(Message("/n", "i", (number,)))
    loop.run_until_complete(queue.take(ALL))
    # Of the remaining messages, the one after the sampled one was dropped.
    assert sampler.entered_at == 103.0


def test_sampler_follows_its_message_when_others_are_inserted_before_it(loop: Clock) -> None:
    sampler = LatencySampler(loop.time)
    sampler.start(1)
    sampler.preceded(5)
    sampler.removed(5)
    assert sampler.entered_at == 0.0
    sampler.removed(1)
    assert sampler.entered_at == 100.0


def test_sampler_records_each_sample_once(loop: Clock) -> None:
    sampler = LatencySampler(loop.time)
    sampler.start(1)
    sampler.removed(1)
    loop.now += 0.3
    sampler.delivered()
    sampler.delivered()
    assert sum(sampler.latency.counts) == 1
    assert sampler.latency.total == pytest.approx(0.3)


def test_latency_counts_slow_observations_in_the_last_bucket() -> None:
    latency = Latency()
    latency.observe(BOUNDS[-1] + 1.0)
    latency.observe(BOUNDS[0])
    assert (latency.counts[0], latency.counts[-1]) == (1, 1)
