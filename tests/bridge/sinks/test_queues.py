"""The queue before a sink: order, bound, wake-ups from other threads, join and close."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Hashable

import pytest

from oscbridge import Message
from oscbridge.bridge.sinks import queues as module
from oscbridge.bridge.sinks.queues import (
    BlockingQueue,
    DropOldestQueue,
    LatestQueue,
    SendQueue,
)

ALL = 1_000_000


class Drops(Counter[str]):
    """Counts by reason."""

    def add(self, reason: str, count: int) -> None:
        self[reason] += count


def numbered(count: int) -> list[Message]:
    return [Message("/n", "i", (n,)) for n in range(count)]


def make(size: int, drops: Drops | None = None) -> SendQueue:
    return DropOldestQueue(
        size, asyncio.get_running_loop(), (Drops() if drops is None else drops).add
    )


def on_a_thread(work: Callable[[], None]) -> None:
    """Run it on another thread, while the loop is held up."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def test_messages_come_out_in_the_order_in_which_they_went_in() -> None:
    outbox = make(100)
    messages = numbered(100)
    for message in messages:
        outbox.put(message)
    assert await outbox.take(ALL) == messages


async def test_beyond_its_size_the_oldest_is_dropped_and_counted() -> None:
    drops = Drops()
    outbox = make(10, drops)
    messages = numbered(25)
    for message in messages:
        outbox.put(message)
    assert len(outbox) == 10
    assert await outbox.take(ALL) == messages[15:]
    assert drops == {"full": 15}


async def test_no_more_are_taken_than_are_asked_for() -> None:
    outbox = make(10)
    messages = numbered(5)
    for message in messages:
        outbox.put(message)
    assert await outbox.take(2) == messages[:2]
    assert await outbox.take(ALL) == messages[2:]


async def test_a_take_that_is_interrupted_returns_nothing() -> None:
    outbox = make(10)
    taking = asyncio.ensure_future(outbox.take(ALL))
    await asyncio.sleep(0)
    outbox.interrupt()
    async with asyncio.timeout(5):
        assert await taking == []


async def test_a_put_on_another_thread_wakes_the_taker() -> None:
    outbox = make(10)
    taking = asyncio.ensure_future(outbox.take(ALL))
    await asyncio.sleep(0)
    on_a_thread(lambda: outbox.put(numbered(1)[0]))
    async with asyncio.timeout(5):
        assert await taking == numbered(1)


async def test_a_put_on_the_loop_wakes_the_taker() -> None:
    outbox = make(10)
    taking = asyncio.ensure_future(outbox.take(ALL))
    await asyncio.sleep(0)
    outbox.put(numbered(1)[0])
    async with asyncio.timeout(5):
        assert await taking == numbered(1)


def test_a_burst_from_another_thread_wakes_the_loop_once() -> None:
    woken = 0

    class Loop(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *args: object, **kwargs: object) -> asyncio.Handle:
            nonlocal woken
            woken += 1
            return super().call_soon_threadsafe(*args, **kwargs)  # type: ignore[arg-type]

    loop = Loop()
    try:
        for size in (1, 1000):  # a full outbox is no empty one: it does not wake again
            outbox, woken = DropOldestQueue(size, loop, Drops().add), 0
            messages = numbered(500)

            def burst(outbox: SendQueue = outbox, messages: list[Message] = messages) -> None:
                for message in messages:
                    outbox.put(message)

            on_a_thread(burst)
            assert woken == 1
            assert loop.run_until_complete(outbox.take(ALL)) == messages[-size:]
    finally:
        loop.close()


async def test_nothing_is_lost_uncounted_when_many_threads_put_at_once() -> None:
    drops = Drops()
    outbox = make(1_000, drops)
    taken: list[Message] = []

    async def take() -> None:
        while True:
            taken.extend(await outbox.take(ALL))

    def put() -> None:
        for message in numbered(5_000):
            outbox.put(message)

    taking = asyncio.ensure_future(take())
    async with asyncio.timeout(20):
        await asyncio.gather(*(asyncio.to_thread(put) for _ in range(4)))
        await outbox.join()
    taking.cancel()
    assert len(taken) + drops["full"] == 20_000


async def test_join_waits_until_what_was_taken_is_dealt_with() -> None:
    outbox = make(10)
    dealing, finish = asyncio.Event(), asyncio.Event()

    async def deliver() -> None:
        while True:
            await outbox.take(ALL)
            dealing.set()
            await finish.wait()

    delivering = asyncio.ensure_future(deliver())
    outbox.put(numbered(1)[0])
    joining = asyncio.ensure_future(outbox.join())
    async with asyncio.timeout(5):
        await dealing.wait()
        assert not joining.done()
        finish.set()
        await joining
    delivering.cancel()


async def test_join_on_an_outbox_that_was_never_used_returns() -> None:
    outbox = make(10)
    taking = asyncio.ensure_future(outbox.take(ALL))
    async with asyncio.timeout(5):
        await outbox.join()
    taking.cancel()


async def test_join_waits_for_what_was_left_by_a_take() -> None:
    outbox = make(10)
    for message in numbered(2):
        outbox.put(message)
    await outbox.take(1)
    joining = asyncio.ensure_future(outbox.join())
    await asyncio.sleep(0)
    await outbox.take(1)
    assert not joining.done()
    taking = asyncio.ensure_future(outbox.take(1))
    async with asyncio.timeout(5):
        await joining
    taking.cancel()


async def test_close_says_how_many_were_left() -> None:
    outbox = make(10)
    for message in numbered(3):
        outbox.put(message)
    assert outbox.close() == 3
    assert outbox.close() == 0


async def test_what_comes_after_close_is_counted() -> None:
    drops = Drops()
    outbox = make(10, drops)
    outbox.close()
    outbox.put(numbered(1)[0])
    assert drops == {"closed": 1}
    assert len(outbox) == 0


async def test_a_put_when_the_loop_is_closed_is_counted() -> None:
    drops = Drops()
    loop = asyncio.new_event_loop()
    outbox = DropOldestQueue(10, loop, drops.add)
    loop.close()
    on_a_thread(lambda: outbox.put(numbered(1)[0]))
    assert drops == {"closed": 1}


async def test_what_was_taken_and_is_not_dealt_with_is_lost_too() -> None:
    outbox = make(10)
    for message in numbered(5):
        outbox.put(message)
    await outbox.take(3)
    assert outbox.close(2) == 4


# --- what the policy latest goes by ------------------------------------------------------------


def latest(
    size: int, drops: Drops, key: Callable[[Message], Hashable] | None = None
) -> LatestQueue:
    loop = asyncio.get_running_loop()
    if key is None:
        return LatestQueue(size, loop, drops.add)
    return LatestQueue(size, loop, drops.add, lambda _on: None, key)


def note(channel: int, number: int) -> Message:
    return Message("/note", "ii", (channel, number))


async def test_latest_goes_by_the_address_if_it_is_told_nothing() -> None:
    drops = Drops()
    outbox = latest(10, drops)
    for number in range(4):
        outbox.put(note(number % 2, number))
    assert await outbox.take(ALL) == [note(1, 3)]
    assert drops == {"replaced": 3}


async def test_latest_keeps_one_value_a_key_in_the_order_in_which_keys_came() -> None:
    drops = Drops()
    outbox = latest(10, drops, lambda message: message.args[0])  # type: ignore[arg-type, return-value]
    for number in range(6):
        outbox.put(note(number % 2, number))
    assert await outbox.take(ALL) == [note(0, 4), note(1, 5)]
    assert drops == {"replaced": 4}


async def test_latest_replaces_nothing_that_has_no_key() -> None:
    drops = Drops()
    outbox = latest(10, drops, lambda message: None if message.args[0] else "same")
    for message in (note(1, 0), note(0, 1), note(1, 2), note(0, 3), note(1, 4)):
        outbox.put(message)
    assert await outbox.take(ALL) == [note(1, 0), note(0, 3), note(1, 2), note(1, 4)]
    assert drops == {"replaced": 1}


async def test_what_has_no_key_finds_no_room_as_all_others() -> None:
    drops = Drops()
    outbox = latest(3, drops, lambda _message: None)
    messages = numbered(5)
    for message in messages:
        outbox.put(message)
    assert await outbox.take(ALL) == messages[2:]
    assert drops == {"full": 2}


async def test_a_key_that_raises_is_the_address() -> None:
    def key(message: Message) -> Hashable:
        raise KeyError(message)

    drops = Drops()
    outbox = latest(10, drops, key)
    for number in range(3):
        outbox.put(note(0, number))
    outbox.put(Message("/other"))
    assert await outbox.take(ALL) == [note(0, 2), Message("/other")]
    assert drops == {"replaced": 2}


async def test_a_key_that_cannot_be_one_loses_nothing_uncounted() -> None:
    drops = Drops()
    outbox = latest(10, drops, lambda _message: [])  # type: ignore[arg-type, return-value]
    for number in range(3):
        outbox.put(note(0, number))
    assert await outbox.take(ALL) == [note(0, 2)]
    assert drops == {"replaced": 2}


# --- what is counted, and how long it took -----------------------------------------------------


async def test_all_that_was_put_in_was_offered_dropped_or_not() -> None:
    drops = Drops()
    outbox = make(2, drops)
    for message in numbered(5):
        outbox.put(message)
    outbox.close()
    outbox.put(numbered(1)[0])
    assert outbox.offered == 6
    assert drops == {"full": 3, "closed": 1}


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is what it is told."""

    now = 100.0

    def time(self) -> float:
        return self.now


def test_one_message_at_a_time_is_sampled_from_its_way_in_until_it_is_taken() -> None:
    loop = Clock()
    outbox = DropOldestQueue(100, loop, Drops().add)

    def put(*numbers: int) -> None:
        for number in numbers:
            loop.now += 1.0
            outbox.put(Message("/n", "i", (number,)))

    def sampled(count: int) -> float:
        loop.run_until_complete(outbox.take(count))
        return outbox.sampled

    try:
        put(1, 2, 3)  # at 101, 102, 103
        assert sampled(1) == 101.0
        assert sampled(1) == 0.0
        put(4, 5)  # at 104, behind one that waits
        assert sampled(1) == 0.0
        put(6)
        assert sampled(1) == 104.0
        put(7)  # at 107
        assert sampled(2) == 0.0
        assert sampled(1) == 107.0
    finally:
        loop.close()


def test_a_sampled_message_that_is_dropped_is_forgotten() -> None:
    loop = Clock()
    outbox = DropOldestQueue(2, loop, Drops().add)
    try:
        for number in range(4):
            loop.now += 1.0
            outbox.put(Message("/n", "i", (number,)))
        loop.run_until_complete(outbox.take(ALL))
        # Of those that were left, the one that came after the sampled one was dropped.
        assert outbox.sampled == 103.0
    finally:
        loop.close()


async def test_a_key_is_asked_for_no_other_policy() -> None:
    def key(_message: Message) -> Hashable:
        raise AssertionError

    for kind in (DropOldestQueue, BlockingQueue):
        outbox = kind(10, asyncio.get_running_loop(), Drops().add, lambda _on: None, key)
        outbox.put(numbered(1)[0])
        assert len(outbox) == 1


# --- what the endpoint cannot do without ---------------------------------------------------------


def off(message: Message) -> Hashable:
    """Of ``/off`` each number must arrive; of others nothing."""
    return message.args if message.address == "/off" else None


def keeping(
    size: int, drops: Drops, essential: Callable[[Message], Hashable] = off
) -> tuple[SendQueue, SendQueue]:
    """An outbox of each policy that drops the oldest; of ``latest`` none has a key."""
    loop = asyncio.get_running_loop()
    return (
        DropOldestQueue(size, loop, drops.add, essential=essential),
        LatestQueue(size, loop, drops.add, key=lambda _: None, essential=essential),
    )


async def test_what_is_essential_is_kept_in_its_place_when_the_outbox_is_full() -> None:
    drops = Drops()
    for outbox in keeping(3, drops):
        offs = [Message("/off", "i", (n,)) for n in range(2)]
        for message in (offs[0], *numbered(2), offs[1], *numbered(5)):
            outbox.put(message)
        assert len(outbox) == 5
        assert await outbox.take(1) == offs[:1]
        assert await outbox.take(2) == [offs[1], numbered(5)[2]]
        assert await outbox.take(ALL) == numbered(5)[3:]
        assert not len(outbox)
    assert drops == {"full": 8}


async def test_of_essential_messages_with_one_key_the_last_is_kept() -> None:
    drops = Drops()
    for outbox in keeping(1, drops, lambda message: message.args[0] or None):
        for numbers in ((7, 1), (8, 1), (7, 2), (0, 0)):
            outbox.put(Message("/off", "ii", numbers))
        taken = await outbox.take(ALL)
        assert [message.args for message in taken] == [(8, 1), (7, 2), (0, 0)]
    assert drops == {"full": 2}


async def test_no_more_essential_messages_are_kept_than_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ESSENTIAL", 2)
    drops = Drops()
    for outbox in keeping(1, drops):
        for number in range(5):
            outbox.put(Message("/off", "i", (number,)))
        assert [message.args[0] for message in await outbox.take(ALL)] == [0, 1, 4]
    assert drops == {"full": 4}


async def test_an_endpoint_that_cannot_say_what_is_essential_loses_the_oldest() -> None:
    def fails(_message: Message) -> Hashable:
        raise KeyError("x")

    drops = Drops()
    for outbox in keeping(1, drops, fails):
        for message in numbered(3):
            outbox.put(message)
        assert await outbox.take(ALL) == numbered(3)[2:]
    assert drops == {"full": 4}


async def test_essential_messages_that_are_left_at_the_end_are_counted() -> None:
    for outbox in keeping(1, Drops()):
        for number in range(3):
            outbox.put(Message("/off", "i", (number,)))
        assert outbox.close() == 3
