"""Endpoints that send at intervals: messages wait in the send queue, and are passed together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from itertools import repeat

import pytest

from oscbridge import Endpoint, Message, Options, Paced
from oscbridge.bridge.sinks.confirmation import until_settled
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.endpoint import Policy
from oscbridge.testing.waiting import until

SOON, LATER = 0.3, 30.0
"""Seconds: a test waits for the first and not for the second."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge that lets messages wait for longer, so that a slow machine is fast enough."""
    monkeypatch.setattr("oscbridge.bridge.sinks.immediate.MAX_PATIENCE", 2 * LATER)


class Frames(Endpoint, Paced):
    """Keeps the batches that it is sent, and when."""

    def __init__(self) -> None:
        super().__init__("frames", Options())
        self.batches: list[list[int]] = []
        self.times: list[float] = []
        self.due = 0.0

    @property
    def next_send(self) -> float:
        return self.due

    def wait(self, seconds: float) -> None:
        """Say that it sends in so many seconds."""
        self.due = time.monotonic() + seconds

    async def send_batch(self, messages: Sequence[Message]) -> None:
        self.times.append(time.monotonic())
        self.batches.append([int(str(message.args[0])) for message in messages])


async def started(
    endpoint: Endpoint, policy: Policy = "drop_oldest", size: int = 1_000
) -> EndpointRunner:
    """A runner whose task waits for messages."""
    options = RunnerOptions(policy, "error", size)
    runner = EndpointRunner(endpoint, "test", options, waits=lambda: repeat(0.0))
    await runner.start()
    for _ in range(3):
        await asyncio.sleep(0)
    return runner


async def read(runner: EndpointRunner, *numbers: int) -> None:
    """Offer messages as a source does in a callback of the loop."""
    done = asyncio.get_running_loop().create_future()

    def on_readable() -> None:
        runner.turn.begin(has_one=len(numbers) == 1)
        for number in numbers:
            runner.offer(Message(f"/n/{number}", "i", (number,)))
        runner.turn.end()
        done.set_result(None)

    asyncio.get_running_loop().call_soon(on_readable)
    await done
    counts = runner.counts()
    fates = counts.sent + sum(counts.dropped.values()) + counts.queued + counts.in_flight
    assert counts.offered == fates


policies = pytest.mark.parametrize("policy", ["drop_oldest", "latest", "block"])


async def test_messages_of_several_turns_are_passed_together_when_it_sends() -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    endpoint.wait(SOON)
    await read(runner, 0)
    await read(runner, 1, 2)
    await read(runner, 3)
    assert (endpoint.batches, runner.queued) == ([], 4)
    await until(lambda: not runner.queued)
    assert endpoint.batches == [[0, 1, 2, 3]]
    assert endpoint.times[0] >= endpoint.due - 0.001
    assert sum(runner.latency.counts) == 1
    await runner.stop()


async def test_turn_knows_while_messages_wait_for_it() -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    await read(runner, 0)
    assert runner.turn.waiting == 0
    endpoint.wait(SOON)
    await read(runner, 1)
    await read(runner, 2, 3)
    assert (runner.turn.waiting, runner.queued) == (1, 3)
    await until(lambda: not runner.queued)
    assert (runner.turn.waiting, endpoint.batches) == (0, [[0], [1, 2, 3]])
    await runner.stop()


async def test_every_interval_has_one_batch() -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    for interval in range(3):
        endpoint.wait(SOON)
        await read(runner, 2 * interval)
        await read(runner, 2 * interval + 1)
        await until(lambda: not runner.queued)
    assert endpoint.batches == [[0, 1], [2, 3], [4, 5]]
    await runner.stop()


@pytest.mark.parametrize("seconds", [-1.0, 3 * LATER])
async def test_messages_are_passed_at_once_if_it_sends_at_once_or_much_later(
    seconds: float,
) -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    endpoint.wait(seconds)
    await read(runner, 0)
    await read(runner, 1, 2)
    assert endpoint.batches == [[0], [1, 2]]
    await runner.stop()


@policies
async def test_full_queue_does_not_wait_for_it(policy: Policy) -> None:
    endpoint = Frames()
    runner = await started(endpoint, policy, size=8)
    endpoint.wait(LATER)
    for number in range(0, 40, 2):
        await read(runner, number, number + 1)
    await until(lambda: runner.sent == 40)
    assert time.monotonic() < endpoint.due
    assert [number for batch in endpoint.batches for number in batch] == list(range(40))
    assert runner.drops == {}
    await runner.stop()


async def test_stop_does_not_wait_for_it() -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    endpoint.wait(LATER)
    await read(runner, 0, 1)
    await runner.stop()
    assert endpoint.times[0] < endpoint.due
    assert (endpoint.batches, runner.drops) == ([[0, 1]], {})


async def test_source_that_needs_confirmation_does_not_wait_for_it() -> None:
    endpoint = Frames()
    runner = await started(endpoint)
    endpoint.wait(LATER)
    await read(runner, 0, 1)
    await until_settled([runner])
    assert endpoint.times[0] < endpoint.due
    assert endpoint.batches == [[0, 1]]
    await runner.stop()


async def test_mistake_in_the_ability_is_logged_and_messages_are_passed_at_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fails(Frames):
        @property
        def next_send(self) -> float:
            raise KeyError("due")

    endpoint = Fails()
    runner = await started(endpoint)
    with caplog.at_level(logging.ERROR):
        await read(runner, 0)
        await read(runner, 1, 2)
    assert endpoint.batches == [[0], [1, 2]]
    assert "next_send failed" in caplog.text
    await runner.stop()
