"""The queue before a sink: order, bound, wake-ups from other threads, join and close."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable

from oscbridge import Message
from oscbridge.bridge.outgoing.outbox import OldestOutbox, Outbox

ALL = 1_000_000


class Drops(Counter[str]):
    """Counts by reason."""

    def add(self, reason: str, count: int) -> None:
        self[reason] += count


def numbered(count: int) -> list[Message]:
    return [Message("/n", "i", (n,)) for n in range(count)]


def make(size: int, drops: Drops | None = None) -> Outbox:
    return OldestOutbox(size, asyncio.get_running_loop(), (Drops() if drops is None else drops).add)


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
            outbox, woken = OldestOutbox(size, loop, Drops().add), 0
            messages = numbered(500)

            def burst(outbox: Outbox = outbox, messages: list[Message] = messages) -> None:
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
    outbox = OldestOutbox(10, loop, drops.add)
    loop.close()
    on_a_thread(lambda: outbox.put(numbered(1)[0]))
    assert drops == {"closed": 1}
