"""Batches of which an endpoint accepts some messages and rejects others: all are accounted for."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import pytest

from oscbridge import BackOff, BadMessage, Endpoint, Message, NotConnected, Options, PartialDelivery
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds

MESSAGES = [Message("/n", "i", (n,)) for n in range(6)]


class Partial(Endpoint):
    """Raises the given errors, one per batch, and records the accepted messages."""

    def __init__(self, *errors: Exception | None) -> None:
        super().__init__("partial", Options())
        self.errors = list(errors)
        self.batches: list[list[object]] = []
        self.connects = 0

    async def connect(self) -> None:
        self.connects += 1

    async def send_batch(self, messages: Sequence[Message]) -> None:
        self.batches.append([message.args[0] for message in messages])
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error


async def deliver(endpoint: Endpoint, messages: Sequence[Message] = MESSAGES) -> EndpointRunner:
    runner = EndpointRunner(
        endpoint, "test", RunnerOptions("drop_oldest", "error", 1_000), waits=lambda: repeat(0.0)
    )
    await runner.start()
    for message in messages:
        runner.offer(message)
    async with asyncio.timeout(10):
        while runner.queued:
            await asyncio.sleep(0)
    await runner.stop()
    return runner


async def test_messages_neither_accepted_nor_rejected_are_sent_again_in_order() -> None:
    endpoint = Partial(PartialDelivery([1, 4], {2: BadMessage("no")}))
    runner = await deliver(endpoint)
    assert endpoint.batches == [[0, 1, 2, 3, 4, 5], [0, 3, 5]]
    assert (runner.sent, runner.drops, endpoint.connects) == (5, {"bad": 1}, 1)


async def test_only_the_rest_is_sent_again_after_a_lost_connection() -> None:
    endpoint = Partial(PartialDelivery([0, 5], cause=NotConnected("gone")))
    runner = await deliver(endpoint)
    assert endpoint.batches == [[0, 1, 2, 3, 4, 5], [1, 2, 3, 4]]
    assert (runner.sent, runner.drops, endpoint.connects) == (6, {}, 2)


async def test_system_error_can_be_the_cause(caplog: pytest.LogCaptureFixture) -> None:
    endpoint = Partial(PartialDelivery(range(3), cause=ConnectionResetError(104, "reset")))
    runner = await deliver(endpoint)
    assert (runner.sent, endpoint.connects) == (6, 2)
    assert "not connected: reset" in caplog.text


async def test_rest_is_sent_again_on_the_same_connection_after_a_back_off() -> None:
    endpoint = Partial(PartialDelivery([2], cause=BackOff(0.0)))
    runner = await deliver(endpoint)
    assert endpoint.batches[1] == [0, 1, 3, 4, 5]
    assert (runner.sent, endpoint.connects) == (6, 1)


async def test_each_rejected_message_is_logged_with_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rejected = {0: BadMessage("too loud"), 1: BadMessage("too loud"), 2: BadMessage("too long")}
    runner = await deliver(Partial(PartialDelivery([3, 4, 5], rejected)))
    assert runner.drops == {"bad": 3}
    assert "2 messages lost: too loud" in caplog.text


async def test_error_without_details_drops_the_batch(caplog: pytest.LogCaptureFixture) -> None:
    runner = await deliver(Partial(PartialDelivery()))
    assert (runner.sent, runner.drops) == (0, {"error": 6})
    assert "6 messages lost: 0 messages accepted, 0 rejected" in caplog.text


def test_message_cannot_be_both_accepted_and_rejected() -> None:
    with pytest.raises(ValueError, match="both accepted and rejected"):
        PartialDelivery([1], {1: BadMessage("no")})


def test_partial_delivery_can_refer_to_a_larger_batch() -> None:
    bad, worse = BadMessage("bad"), BadMessage("worse")
    cause = NotConnected()
    found = PartialDelivery([0, 2], {1: bad}, cause).within([1, 3, 4], [0], {2: worse})
    assert sorted(found.accepted) == [0, 1, 4]
    assert found.rejected == {2: worse, 3: bad}
    assert found.cause is cause


class Moody(Partial):
    """Accepts and rejects messages at random, and sometimes loses its connection."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.accepted: Counter[object] = Counter()
        self.rejected: Counter[object] = Counter()

    async def send_batch(self, messages: Sequence[Message]) -> None:
        await asyncio.sleep(0)
        accepted, rejected = [], {}
        for index, message in enumerate(messages):
            match self.chance.randrange(4):
                case 0:
                    rejected[index] = BadMessage("no")
                    self.rejected[message.args[0]] += 1
                case 1 | 2:
                    accepted.append(index)
                    self.accepted[message.args[0]] += 1
        if len(accepted) + len(rejected) == len(messages) and not rejected:
            return
        cause = self.chance.choice([None, NotConnected(), BackOff(0.0), OSError("gone")])
        if cause is None and not accepted and not rejected:
            cause = BackOff(0.0)
        raise PartialDelivery(accepted, rejected, cause)


@pytest.mark.parametrize("seed", range(5))
async def test_every_message_is_accepted_or_rejected_and_counted_once(seed: int) -> None:
    endpoint = Moody(seed)
    total = 500
    runner = await deliver(endpoint, [Message("/n", "i", (n,)) for n in range(total)])
    assert set((endpoint.accepted + endpoint.rejected).values()) == {1}
    errors = runner.drops.get("error", 0)
    assert runner.sent == endpoint.accepted.total()
    assert runner.drops.get("bad", 0) == endpoint.rejected.total()
    assert runner.sent + runner.drops.get("bad", 0) + errors == total


@pytest.mark.parametrize("seed", range(3))
async def test_counters_are_exact_while_running_and_after_a_stop(seed: int, tmp_path: Path) -> None:
    """With a spool: messages counted as sent are not sent again after a restart."""
    bounds = SpoolBounds(tmp_path / "spool.db", 1_000_000, 3600.0)
    options = RunnerOptions("spool", "error", 1_000, bounds)
    total = 300
    sent: Counter[object] = Counter()
    left = 0
    for run in range(2):
        endpoint = Moody(seed + 10 * run)
        runner = EndpointRunner(endpoint, "test", options, waits=lambda: repeat(0.0))
        await runner.start()
        if not run:
            for n in range(total):
                runner.offer(Message("/n", "i", (n,)))
        async with asyncio.timeout(20):
            while runner.queued and (run or runner.sent < total // 10):
                drops = sum(runner.drops.values())
                assert runner.offered == runner.sent + drops + runner.queued
                await asyncio.sleep(0)
        await runner.stop(0 if not run else 0.5)
        assert runner.offered == runner.sent + sum(runner.drops.values()) + runner.queued
        assert run == 0 or runner.offered == left
        left = runner.queued
        sent.update(runner=runner.sent, drops=sum(runner.drops.values()))
    assert left == 0
    assert sent["runner"] + sent["drops"] == total


class Unreadable(BadMessage):
    """Has no reason that can be read."""

    @property
    def reason(self) -> str:
        raise KeyError("reason")

    @reason.setter
    def reason(self, reason: str) -> None:
        pass


def waits(seconds: object) -> BackOff:
    error = BackOff(1)
    error.seconds = seconds  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (PartialDelivery([None]), 0),  # type: ignore[list-item]
        (PartialDelivery([0.0]), 0),  # type: ignore[list-item]
        (PartialDelivery((), {0: "bad"}), 0),  # type: ignore[dict-item]
        (PartialDelivery((), {0: BadMessage}), 0),  # type: ignore[dict-item]
        (PartialDelivery((), {0: Unreadable("bad")}), 0),
        (PartialDelivery([0, 1], cause="gone"), 2),  # type: ignore[arg-type]
        (PartialDelivery([0, 1], cause=NotConnected), 2),  # type: ignore[arg-type]
        (PartialDelivery([0, 1], cause=waits("1 s")), 2),
        (waits(None), 0),
        (Unreadable("bad"), 0),
    ],
)
async def test_invalid_error_loses_its_batch_and_nothing_else(
    error: Exception, sent: int, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Partial(error)
    runner = await deliver(endpoint)
    assert (runner.sent, runner.drops, endpoint.connects) == (sent, {"error": 6 - sent}, 1)
    assert runner.offered == 6
    assert "delivery ended" not in caplog.text
