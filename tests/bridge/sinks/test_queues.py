"""Send queues in memory: order, bounds, wake-ups from other threads, join and close."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Hashable
from random import Random

import pytest

from oscbridge import Message
from oscbridge.bridge.sinks import must_deliver as module
from oscbridge.bridge.sinks.backpressure import Backpressure
from oscbridge.bridge.sinks.drops import DropCounter
from oscbridge.bridge.sinks.latency import LatencySampler
from oscbridge.bridge.sinks.queues import BlockingQueue, DropOldestQueue, LatestQueue
from oscbridge.bridge.sinks.send_queue import SendQueue
from oscbridge.logs.rate_limited import RateLimitedLog

ALL = 1_000_000


class Drops(DropCounter):
    """Equal to its counts by reason."""

    def __init__(self) -> None:
        super().__init__(RateLimitedLog(logging.getLogger("oscbridge.test")))

    def __eq__(self, other: object) -> bool:
        return self.counts == other

    def __getitem__(self, reason: str) -> int:
        return self.counts[reason]


def numbered(count: int) -> list[Message]:
    return [Message("/n", "i", (n,)) for n in range(count)]


def sampler() -> LatencySampler:
    return LatencySampler(asyncio.get_running_loop().time)


def make(size: int, drops: Drops | None = None) -> SendQueue:
    drops = Drops() if drops is None else drops
    return DropOldestQueue(size, asyncio.get_running_loop(), drops, sampler())


def on_a_thread(work: Callable[[], None]) -> None:
    """Run it on another thread while the event loop is blocked."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def test_take_returns_messages_in_the_order_of_put() -> None:
    queue = make(100)
    messages = numbered(100)
    for message in messages:
        queue.put(message)
    assert await queue.take(ALL) == messages


async def test_full_queue_drops_and_counts_the_oldest() -> None:
    drops = Drops()
    queue = make(10, drops)
    messages = numbered(25)
    for message in messages:
        queue.put(message)
    assert len(queue) == 10
    assert await queue.take(ALL) == messages[15:]
    assert drops == {"full": 15}


async def test_take_returns_at_most_count_messages() -> None:
    queue = make(10)
    messages = numbered(5)
    for message in messages:
        queue.put(message)
    assert await queue.take(2) == messages[:2]
    assert await queue.take(ALL) == messages[2:]


async def test_interrupted_take_returns_nothing() -> None:
    queue = make(10)
    taking = asyncio.ensure_future(queue.take(ALL))
    await asyncio.sleep(0)
    queue.interrupt()
    async with asyncio.timeout(5):
        assert await taking == []


async def test_put_on_another_thread_wakes_take() -> None:
    queue = make(10)
    taking = asyncio.ensure_future(queue.take(ALL))
    await asyncio.sleep(0)
    on_a_thread(lambda: queue.put(numbered(1)[0]))
    async with asyncio.timeout(5):
        assert await taking == numbered(1)


async def test_put_on_the_loop_wakes_take() -> None:
    queue = make(10)
    taking = asyncio.ensure_future(queue.take(ALL))
    await asyncio.sleep(0)
    queue.put(numbered(1)[0])
    async with asyncio.timeout(5):
        assert await taking == numbered(1)


def test_burst_from_another_thread_wakes_the_loop_once() -> None:
    woken = 0

    class Loop(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *args: object, **kwargs: object) -> asyncio.Handle:
            nonlocal woken
            woken += 1
            return super().call_soon_threadsafe(*args, **kwargs)  # type: ignore[arg-type]

    loop = Loop()
    try:
        for size in (1, 1000):  # a full queue is not empty: it does not wake the loop again
            queue = DropOldestQueue(size, loop, Drops(), LatencySampler(loop.time))
            messages, woken = numbered(500), 0

            def burst(queue: SendQueue = queue, messages: list[Message] = messages) -> None:
                for message in messages:
                    queue.put(message)

            on_a_thread(burst)
            assert woken == 1
            assert loop.run_until_complete(queue.take(ALL)) == messages[-size:]
    finally:
        loop.close()


async def test_puts_from_many_threads_are_taken_or_counted() -> None:
    drops = Drops()
    queue = make(1_000, drops)
    taken: list[Message] = []

    async def take() -> None:
        while True:
            taken.extend(await queue.take(ALL))

    def put() -> None:
        for message in numbered(5_000):
            queue.put(message)

    taking = asyncio.ensure_future(take())
    async with asyncio.timeout(20):
        await asyncio.gather(*(asyncio.to_thread(put) for _ in range(4)))
        await queue.join()
    taking.cancel()
    assert len(taken) + drops["full"] == 20_000


async def test_join_waits_until_taken_messages_are_settled() -> None:
    queue = make(10)
    dealing, finish = asyncio.Event(), asyncio.Event()

    async def deliver() -> None:
        while True:
            await queue.take(ALL)
            dealing.set()
            await finish.wait()

    delivering = asyncio.ensure_future(deliver())
    queue.put(numbered(1)[0])
    joining = asyncio.ensure_future(queue.join())
    async with asyncio.timeout(5):
        await dealing.wait()
        assert not joining.done()
        finish.set()
        await joining
    delivering.cancel()


async def test_join_of_an_unused_queue_returns() -> None:
    queue = make(10)
    taking = asyncio.ensure_future(queue.take(ALL))
    async with asyncio.timeout(5):
        await queue.join()
    taking.cancel()


async def test_join_waits_for_messages_left_by_a_take() -> None:
    queue = make(10)
    for message in numbered(2):
        queue.put(message)
    await queue.take(1)
    joining = asyncio.ensure_future(queue.join())
    await asyncio.sleep(0)
    await queue.take(1)
    assert not joining.done()
    taking = asyncio.ensure_future(queue.take(1))
    async with asyncio.timeout(5):
        await joining
    taking.cancel()


async def test_close_returns_the_number_of_waiting_messages() -> None:
    queue = make(10)
    for message in numbered(3):
        queue.put(message)
    assert queue.close() == 3
    assert queue.close() == 0


async def test_put_after_close_is_counted() -> None:
    drops = Drops()
    queue = make(10, drops)
    queue.close()
    queue.put(numbered(1)[0])
    assert drops == {"closed": 1}
    assert len(queue) == 0


async def test_put_after_the_loop_is_closed_is_counted() -> None:
    drops = Drops()
    loop = asyncio.new_event_loop()
    queue = DropOldestQueue(10, loop, drops, LatencySampler(loop.time))
    loop.close()
    on_a_thread(lambda: queue.put(numbered(1)[0]))
    assert drops == {"closed": 1}


async def test_close_includes_taken_messages_that_are_not_settled() -> None:
    queue = make(10)
    for message in numbered(5):
        queue.put(message)
    await queue.take(3)
    assert queue.close(2) == 4


# --- coalesce keys of the policy latest --------------------------------------------------------


def latest(
    size: int, drops: Drops, coalesce_key: Callable[[Message], Hashable] | None = None
) -> LatestQueue:
    loop = asyncio.get_running_loop()
    if coalesce_key is None:
        return LatestQueue(size, loop, drops, sampler())
    return LatestQueue(size, loop, drops, sampler(), coalesce_key=coalesce_key)


def note(channel: int, number: int) -> Message:
    return Message("/note", "ii", (channel, number))


async def test_latest_coalesces_by_address_by_default() -> None:
    drops = Drops()
    queue = latest(10, drops)
    for number in range(4):
        queue.put(note(number % 2, number))
    assert await queue.take(ALL) == [note(1, 3)]
    assert drops == {"replaced": 3}


async def test_latest_keeps_one_value_per_key_in_the_order_of_their_first_arrival() -> None:
    drops = Drops()
    queue = latest(10, drops, lambda message: message.args[0])  # type: ignore[arg-type, return-value]
    for number in range(6):
        queue.put(note(number % 2, number))
    assert await queue.take(ALL) == [note(0, 4), note(1, 5)]
    assert drops == {"replaced": 4}


async def test_latest_never_replaces_messages_without_a_key() -> None:
    drops = Drops()
    queue = latest(10, drops, lambda message: None if message.args[0] else "same")
    for message in (note(1, 0), note(0, 1), note(1, 2), note(0, 3), note(1, 4)):
        queue.put(message)
    assert await queue.take(ALL) == [note(1, 0), note(0, 3), note(1, 2), note(1, 4)]
    assert drops == {"replaced": 1}


class BrokenKey:
    """A key that fails when it is used for the second time, or compared."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.uses = 0

    def __hash__(self) -> int:
        self.uses += 1
        if self.uses > 1:
            raise KeyError(self.number)
        return 1

    def __eq__(self, other: object) -> bool:
        raise SystemExit


@pytest.mark.parametrize("uses", [0, 1], ids=["compared", "used twice"])
async def test_latest_uses_the_address_when_the_key_is_unusable(uses: int) -> None:
    def coalesce_key(message: Message) -> Hashable:
        key = BrokenKey(message.args[0])  # type: ignore[arg-type]
        key.uses = uses - 1
        return key

    drops = Drops()
    queue = latest(2, drops, coalesce_key)
    for message in numbered(9):
        queue.put(message)
    queue.put(Message("/other", "i", (9,)))
    taken = await queue.take(ALL)
    assert queue.offered == 10 == len(taken) + drops.counts.total()


async def test_latest_drops_the_oldest_message_without_a_key_when_full() -> None:
    drops = Drops()
    queue = latest(3, drops, lambda _message: None)
    messages = numbered(5)
    for message in messages:
        queue.put(message)
    assert await queue.take(ALL) == messages[2:]
    assert drops == {"full": 2}


async def test_latest_uses_the_address_when_the_key_raises() -> None:
    def coalesce_key(message: Message) -> Hashable:
        raise KeyError(message)

    drops = Drops()
    queue = latest(10, drops, coalesce_key)
    for number in range(3):
        queue.put(note(0, number))
    queue.put(Message("/other"))
    assert await queue.take(ALL) == [note(0, 2), Message("/other")]
    assert drops == {"replaced": 2}


async def test_latest_uses_the_address_when_the_key_is_not_hashable() -> None:
    drops = Drops()
    queue = latest(10, drops, lambda _message: [])  # type: ignore[arg-type, return-value]
    for number in range(3):
        queue.put(note(0, number))
    assert await queue.take(ALL) == [note(0, 2)]
    assert drops == {"replaced": 2}


# --- counters ----------------------------------------------------------------------------------


async def test_offered_includes_dropped_messages() -> None:
    drops = Drops()
    queue = make(2, drops)
    for message in numbered(5):
        queue.put(message)
    queue.close()
    queue.put(numbered(1)[0])
    assert queue.offered == 6
    assert drops == {"full": 3, "closed": 1}


# --- backpressure of the policy block ----------------------------------------------------------


async def test_blocking_queue_reports_backpressure_on_the_loop_after_a_put_on_a_thread() -> None:
    backpressure, changes = Backpressure(), asyncio.Queue[bool]()
    backpressure.on_change = lambda: changes.put_nowait(backpressure.is_active)
    queue = BlockingQueue(2, asyncio.get_running_loop(), Drops(), sampler(), backpressure)
    on_a_thread(lambda: [queue.put(message) for message in numbered(2)] and None)
    assert not backpressure.is_active
    async with asyncio.timeout(5):
        assert await changes.get()
        await queue.take(1)
        assert not await changes.get()


# --- must-deliver messages -----------------------------------------------------------------------


def off(message: Message) -> Hashable:
    """Each number of ``/off`` must be delivered; other messages may be dropped."""
    return message.args if message.address == "/off" else None


def keeping(
    size: int, drops: Drops, must_deliver_key: Callable[[Message], Hashable] = off
) -> tuple[SendQueue, SendQueue]:
    """One queue per policy that drops the oldest; in ``latest`` no message has a key."""
    loop = asyncio.get_running_loop()
    return (
        DropOldestQueue(size, loop, drops, sampler(), must_deliver_key),
        LatestQueue(size, loop, drops, sampler(), must_deliver_key, lambda _: None),
    )


async def test_full_queue_keeps_must_deliver_messages_in_their_place() -> None:
    drops = Drops()
    for queue in keeping(3, drops):
        offs = [Message("/off", "i", (n,)) for n in range(2)]
        for message in (offs[0], *numbered(2), offs[1], *numbered(5)):
            queue.put(message)
        assert len(queue) == 5
        assert await queue.take(1) == offs[:1]
        assert await queue.take(2) == [offs[1], numbered(5)[2]]
        assert await queue.take(ALL) == numbered(5)[3:]
        assert not len(queue)
    assert drops == {"full": 8}


async def test_full_queue_keeps_the_last_must_deliver_message_of_each_key() -> None:
    drops = Drops()
    for queue in keeping(1, drops, lambda message: message.args[0] or None):
        for numbers in ((7, 1), (8, 1), (7, 2), (0, 0)):
            queue.put(Message("/off", "ii", numbers))
        taken = await queue.take(ALL)
        assert [message.args for message in taken] == [(8, 1), (7, 2), (0, 0)]
    assert drops == {"full": 2}


async def test_must_deliver_messages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MUST_DELIVER", 2)
    drops = Drops()
    for queue in keeping(1, drops):
        for number in range(5):
            queue.put(Message("/off", "i", (number,)))
        assert [message.args[0] for message in await queue.take(ALL)] == [0, 1, 4]
    assert drops == {"full": 4}


async def test_full_queue_drops_the_oldest_when_the_must_deliver_key_raises() -> None:
    def fails(_message: Message) -> Hashable:
        raise KeyError("x")

    drops = Drops()
    for queue in keeping(1, drops, fails):
        for message in numbered(3):
            queue.put(message)
        assert await queue.take(ALL) == numbered(3)[2:]
    assert drops == {"full": 4}


@pytest.mark.parametrize("uses", [0, 1], ids=["compared", "used twice"])
async def test_full_queue_counts_each_message_when_the_must_deliver_key_is_unusable(
    uses: int,
) -> None:
    def must_deliver_key(message: Message) -> Hashable:
        key = BrokenKey(message.args[0])  # type: ignore[arg-type]
        key.uses = uses - 1
        return key

    for queue in keeping(1, drops := Drops(), must_deliver_key):
        drops.counts.clear()
        for message in numbered(9):
            queue.put(message)
        taken = await queue.take(ALL)
        assert queue.offered == 9 == len(taken) + drops.counts.total()


class FickleKey:
    """A key whose hash and comparisons have another result each time."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def __hash__(self) -> int:
        return self._random.randrange(2)

    def __eq__(self, other: object) -> bool:
        return self._random.random() < 0.5


@pytest.mark.parametrize("seed", range(20))
async def test_each_message_counts_once_when_the_results_of_a_key_differ(seed: int) -> None:
    random, loop = Random(seed), asyncio.get_running_loop()
    keys = (lambda _: FickleKey(random)), (lambda _: None), (lambda message: message.address)
    for must_deliver_key, coalesce_key in ((keys[0], keys[2]), (keys[1], keys[0]), keys[:1] * 2):
        drops, taken = Drops(), 0
        queue = LatestQueue(3, loop, drops, sampler(), must_deliver_key, coalesce_key)
        for number in range(1, 200):
            queue.put(Message(f"/{random.randrange(9)}"))
            if random.random() < 0.2:
                taken += len(queue.take_now(random.randrange(6)))
            if random.random() < 0.1:
                queue.discard(lambda _: random.random() < 0.2)
            assert queue.offered == number == taken + drops.counts.total() + len(queue)
        assert taken + len(queue.take_now(ALL)) + drops.counts.total() == queue.offered
        assert not len(queue)


async def test_close_counts_must_deliver_messages() -> None:
    for queue in keeping(1, Drops()):
        for number in range(3):
            queue.put(Message("/off", "i", (number,)))
        assert queue.close() == 3
