"""Delivery in the turn of the event loop in which messages are read, without a task switch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from itertools import repeat

import pytest

from oscbridge import (
    BackOff,
    BadMessage,
    Endpoint,
    Message,
    NotConnected,
    Options,
    PartialDelivery,
)
from oscbridge.bridge.sinks.immediate import MAX_BATCH
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sinks.stall_watch import waiting_at
from oscbridge.contract.endpoint import Policy
from oscbridge.testing.waiting import until

VARIABLE = ContextVar("VARIABLE", default=0)


def numbered(numbers: Sequence[int]) -> list[Message]:
    return [Message("/n", "i", (number,)) for number in numbers]


class Numbers(Endpoint):
    """Keeps the numbers it is sent; ``on_send`` may wait, or raise."""

    def __init__(self) -> None:
        super().__init__("numbers", Options())
        self.got: list[int] = []
        self.calls = 0
        self.connected = 0

    async def connect(self) -> None:
        self.connected += 1

    async def on_send(self, numbers: Sequence[int]) -> None:
        """Nothing by default."""

    async def send(self, message: Message) -> None:
        await self.take([message])

    async def take(self, messages: Sequence[Message]) -> None:
        self.calls += 1
        numbers = [int(str(message.args[0])) for message in messages]
        await self.on_send(numbers)
        self.got += numbers


class Batches(Numbers):
    async def send_batch(self, messages: Sequence[Message]) -> None:
        await self.take(messages)


each_kind = pytest.mark.parametrize("kind", [Numbers, Batches])


def make(endpoint: Endpoint, policy: Policy = "drop_oldest") -> EndpointRunner:
    options = RunnerOptions(policy, "error", 100_000)
    return EndpointRunner(endpoint, "test", options, waits=lambda: repeat(0.0))


async def started(endpoint: Endpoint) -> EndpointRunner:
    """A runner whose task waits for messages."""
    runner = make(endpoint)
    await runner.start()
    for _ in range(3):
        await asyncio.sleep(0)
    return runner


async def read(
    runner: EndpointRunner,
    numbers: Sequence[int],
    after: Callable[[], object] = lambda: None,
    before_end: Callable[[], object] = lambda: None,
) -> None:
    """Offer messages as a source does in a callback of the loop, then call ``after`` in it."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def on_readable() -> None:
        try:
            runner.turn.begin(has_one=len(numbers) == 1)
            for message in numbered(numbers):
                runner.offer(message)
            before_end()
            runner.turn.end()
            adds_up(runner)
            done.set_result(after())
        except BaseException as error:
            done.set_exception(error)

    loop.call_soon(on_readable)
    await done


def adds_up(runner: EndpointRunner) -> None:
    counts = runner.counts()
    fates = counts.sent + sum(counts.dropped.values()) + counts.queued + counts.in_flight
    assert counts.offered == fates


@each_kind
async def test_messages_are_delivered_in_the_turn_that_read_them(kind: type[Numbers]) -> None:
    endpoint = kind()
    runner = await started(endpoint)
    seen: list[list[int]] = []
    await read(runner, range(5), lambda: seen.append([*endpoint.got, runner.sent]))
    assert seen == [[0, 1, 2, 3, 4, 5]]
    assert endpoint.calls == (1 if kind is Batches else 5)
    await runner.stop()


@each_kind
async def test_only_message_of_a_turn_is_delivered_before_its_end(kind: type[Numbers]) -> None:
    endpoint = kind()
    runner = await started(endpoint)
    seen: list[list[int]] = []
    await read(runner, [7], before_end=lambda: seen.append([*endpoint.got, runner.sent]))
    assert seen == [[7, 1]]
    assert sum(runner.latency.counts) == 1
    await runner.stop()


async def test_messages_made_of_the_only_one_keep_their_order() -> None:
    endpoint = Batches()
    runner = await started(endpoint)

    def offer_more() -> None:
        for message in numbered([8, 9]):
            runner.offer(message)

    await read(runner, [7], before_end=offer_more)
    assert endpoint.got == [7, 8, 9]
    await runner.stop()


async def test_message_of_another_thread_is_left_to_the_task() -> None:
    endpoint = Batches()
    runner = await started(endpoint)
    seen: list[list[int]] = []

    def offer_in_thread() -> None:
        thread = threading.Thread(target=runner.offer, args=numbered([8]))
        thread.start()
        thread.join()
        runner.offer(*numbered([9]))  # after the one that waits
        seen.append([*endpoint.got])

    await read(runner, [7], before_end=offer_in_thread)
    await until(lambda: not runner.queued)
    await runner.stop()
    assert (seen, endpoint.got) == ([[7]], [7, 8, 9])


@each_kind
@pytest.mark.parametrize("size", [1, 3])
async def test_messages_of_several_turns_keep_their_order_while_sends_wait(
    kind: type[Numbers], size: int
) -> None:
    class Waits(kind):  # type: ignore[misc, valid-type]
        async def on_send(self, numbers: Sequence[int]) -> None:
            for _ in range(numbers[0] % 4):
                await asyncio.sleep(0)

    endpoint = Waits()
    runner = await started(endpoint)
    for first in range(0, 100 * size, size):
        await read(runner, range(first, first + size))
        for _ in range(first % 5):
            await asyncio.sleep(0)
            adds_up(runner)
    await runner.stop()
    assert endpoint.got == list(range(100 * size))
    assert (runner.sent, runner.drops) == (100 * size, {})


async def test_turn_delivers_one_batch_at_most() -> None:
    endpoint = Batches()
    runner = await started(endpoint)
    seen: list[int] = []
    await read(runner, range(MAX_BATCH + 10), lambda: seen.append(len(endpoint.got)))
    await runner.stop()
    assert seen == [MAX_BATCH]
    assert endpoint.got == list(range(MAX_BATCH + 10))


ERRORS: list[Callable[[], BaseException]] = [
    lambda: NotConnected("gone"),
    lambda: BackOff(0.0),
    ConnectionResetError,
    TimeoutError,
    lambda: BadMessage("no"),
    lambda: KeyError("x"),
    asyncio.CancelledError,
    SystemExit,
    lambda: PartialDelivery([0, 2], {1: BadMessage("no")}),
    lambda: PartialDelivery([1], cause=NotConnected("gone")),
    lambda: PartialDelivery([]),
]


@each_kind
@pytest.mark.parametrize("make_error", ERRORS)
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("numbers", [range(5), [2]], ids=["several", "one"])
async def test_errors_have_the_same_effects_as_in_the_task(
    kind: type[Numbers],
    make_error: Callable[[], BaseException],
    waits: bool,
    numbers: Sequence[int],
) -> None:
    class Fails(kind):  # type: ignore[misc, valid-type]
        has_failed = False

        async def on_send(self, numbers: Sequence[int]) -> None:
            if not self.has_failed and 2 in numbers:
                self.has_failed = True
                if waits:
                    await asyncio.sleep(0)
                raise make_error()

    found = []
    for in_turn in (False, True):
        endpoint = Fails()
        runner = await started(endpoint)
        if in_turn:
            await read(runner, numbers)
        else:
            for message in numbered(numbers):
                runner.offer(message)
        await until(lambda runner=runner: not runner.queued)  # type: ignore[misc]
        await runner.stop()
        adds_up(runner)
        found.append((endpoint.got, endpoint.connected, runner.sent, dict(runner.drops)))
    assert found[0] == found[1]


class Stuck(Batches):
    """Its sends wait until they are cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = 0
        self.freed = asyncio.Event()

    async def on_send(self, numbers: Sequence[int]) -> None:
        try:
            await self.freed.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 3])
async def test_stop_cancels_a_send_that_waits(turns: int, count: int) -> None:
    endpoint = Stuck()
    runner = await started(endpoint)
    stops: list[asyncio.Task[None]] = []

    def stop() -> None:
        stops.append(asyncio.get_running_loop().create_task(runner.stop(drain=0)))

    if turns:
        await read(runner, range(count))
        for _ in range(turns):
            await asyncio.sleep(0)
        stop()
    else:
        await read(runner, range(count), stop)  # before the task can continue the send
    await stops[0]
    assert endpoint.cancelled == 1
    assert (runner.sent, runner.drops) == (0, {"stopped": count})
    adds_up(runner)


@pytest.mark.parametrize("turns", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 3])
async def test_lost_connection_repeats_a_send_that_waits(turns: int, count: int) -> None:
    endpoint = Stuck()
    runner = await started(endpoint)
    lose = partial(runner.connection_lost, NotConnected("gone"))
    if turns:
        await read(runner, range(count))
        for _ in range(turns):
            await asyncio.sleep(0)
        lose()
    else:
        await read(runner, range(count), lose)
    await until(lambda: endpoint.calls == 2)
    endpoint.freed.set()
    await runner.stop()
    assert (endpoint.got, endpoint.connected, endpoint.cancelled) == ([*range(count)], 2, 1)
    assert (runner.sent, runner.drops) == (count, {})


async def test_connection_lost_during_a_send_is_opened_again() -> None:
    class Loses(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            if numbers[0] == 0:
                runner.connection_lost(NotConnected("gone"))

    endpoint = Loses()
    runner = await started(endpoint)
    await read(runner, [0])
    await read(runner, [1])
    await until(lambda: len(endpoint.got) == 2)
    await runner.stop()
    assert (endpoint.got, endpoint.connected, runner.sent) == ([0, 1], 2, 2)


async def test_messages_that_a_send_routes_back_are_delivered_later() -> None:
    class Echo(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            for number in numbers:
                if number < 20:
                    runner.offer(Message("/n", "i", (number + 1,)))

    endpoint = Echo()
    runner = await started(endpoint)
    seen: list[list[int]] = []
    await read(runner, [0], lambda: seen.append([*endpoint.got]))
    await until(lambda: len(endpoint.got) == 21)
    await runner.stop()
    assert seen == [[0]]
    assert endpoint.got == list(range(21))


async def test_messages_that_a_send_routes_to_another_endpoint_are_delivered() -> None:
    class Forwards(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            for message in numbered(numbers):
                other.offer(message)

    first, second = Forwards(), Batches()
    runner, other = await started(first), await started(second)
    other.turn = runner.turn
    await read(runner, range(5), before_end=lambda: other.offer(Message("/n", "i", (-1,))))
    await until(lambda: len(second.got) == 6)
    await runner.stop()
    await other.stop()
    assert second.got == [-1, 0, 1, 2, 3, 4]


@each_kind
async def test_watcher_that_raises_loses_no_message(kind: type[Numbers]) -> None:
    def fail(message: Message) -> None:
        raise RuntimeError("no")

    endpoint = kind()
    runner = await started(endpoint)
    runner.watch(None, fail)
    await read(runner, range(3))
    await runner.stop()
    assert (endpoint.got, runner.sent, runner.drops) == ([0, 1, 2], 3, {})


async def test_send_can_use_time_limits_and_the_current_task() -> None:
    class Limited(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            tasks.add(asyncio.current_task())
            try:
                async with asyncio.timeout(0 if numbers[0] == 0 else None):
                    await asyncio.sleep(3_600 if numbers[0] == 0 else 0)
            except TimeoutError:
                raise BadMessage("late") from None
            tasks.add(asyncio.current_task())

    tasks: set[object] = set()
    runner = await started(Limited())
    await read(runner, [0])
    await until(lambda: not runner.queued)
    await read(runner, [1])
    await runner.stop()
    assert (runner.sent, runner.drops, len(tasks)) == (1, {"bad": 1}, 1)


async def test_send_resets_a_context_variable_after_a_wait() -> None:
    class Sets(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            token = VARIABLE.set(numbers[0])
            await asyncio.sleep(0)
            assert VARIABLE.get() == numbers[0]
            VARIABLE.reset(token)

    runner = await started(Sets())
    await read(runner, [7])
    await runner.stop()
    assert (runner.sent, runner.drops) == (1, {})


async def test_two_sends_can_wait_for_one_future() -> None:
    class Waits(Batches):
        async def on_send(self, numbers: Sequence[int]) -> None:
            await future

    future = asyncio.get_running_loop().create_future()
    endpoint = Waits()
    runner = await started(endpoint)

    async def wait() -> None:
        await future

    others: list[asyncio.Task[None]] = [asyncio.create_task(wait())]
    # The other task awaits it between the two halves of the send.
    await read(runner, [1], before_end=lambda: others.append(asyncio.create_task(wait())))
    future.set_result(None)
    await asyncio.gather(*others)
    await runner.stop()
    assert (runner.sent, runner.drops) == (1, {})


async def test_stop_waits_for_messages_read_in_the_same_turn() -> None:
    endpoint = Batches()
    runner = await started(endpoint)
    assert runner.queue is not None
    joining: list[asyncio.Task[None]] = []
    await read(
        runner,
        range(3),
        before_end=lambda: joining.append(asyncio.create_task(runner.drain(10))),
    )
    await joining[0]
    assert endpoint.got == [0, 1, 2]
    await runner.stop()


async def test_place_of_a_send_that_waits_is_found() -> None:
    endpoint = Stuck()
    runner = await started(endpoint)
    await read(runner, [1])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    (task,) = [each for each in asyncio.all_tasks() if each.get_name() == "deliver numbers"]
    assert waiting_at(task).startswith(f"{__file__}:")
    await runner.stop(drain=0)


async def test_what_an_endpoint_receives_in_a_callback_is_delivered_at_its_end() -> None:
    endpoint = Batches()
    runner = await started(endpoint)
    loop = asyncio.get_running_loop()
    seen: list[list[int]] = []

    def on_readable() -> None:
        with runner.receiving():
            for message in numbered(range(3)):
                runner.offer(message)
            seen.append(list(endpoint.got))
        seen.append(list(endpoint.got))

    loop.call_soon(on_readable)
    await until(lambda: len(seen) == 2)
    assert seen == [[], [0, 1, 2]]
    assert endpoint.calls == 1
    await runner.stop()


async def test_what_an_endpoint_receives_in_a_task_is_delivered_later() -> None:
    endpoint = Batches()
    runner = await started(endpoint)
    with runner.receiving():
        for message in numbered(range(3)):
            runner.offer(message)
    assert endpoint.got == []
    await until(lambda: endpoint.got == [0, 1, 2])
    adds_up(runner)
    await runner.stop()
