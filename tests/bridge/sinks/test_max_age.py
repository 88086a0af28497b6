"""``max_age``: messages that waited for too long are dropped as expired, with every policy."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from itertools import repeat
from pathlib import Path

import pytest

from oscbridge import Endpoint, Message, MustDeliver, NotConnected, Options
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.contract.endpoint import Policy
from oscbridge.testing import until

AGE = 0.5
"""Seconds; longer than a disk takes for a transaction while other tests run."""

POLICIES: tuple[Policy, ...] = ("drop_oldest", "latest", "block", "spool")


class Cueing(Endpoint[Options]):
    """Takes messages while it is up."""

    def __init__(self) -> None:
        super().__init__("cues", Options())
        self.up = False
        self.sent: list[str] = []
        self.tried = asyncio.Event()

    async def connect(self) -> None:
        if not self.up:
            raise NotConnected("away")

    def take(self, *messages: Message) -> None:
        self.tried.set()
        if not self.up:
            raise NotConnected("away")
        self.sent += [message.address for message in messages]


class Cues(Cueing):
    """Takes one message per send."""

    async def send(self, message: Message) -> None:
        self.take(message)


class CueBatches(Cueing):
    """Takes batches."""

    async def send_batch(self, messages: Sequence[Message]) -> None:
        self.take(*messages)


class Notes(Cues, MustDeliver):
    """Must receive what ends notes."""

    def must_deliver_key(self, message: object) -> Hashable:
        return "off" if isinstance(message, Message) and message.address == "/off" else None


def make(
    endpoint: Endpoint, policy: Policy, folder: Path, max_age: float | None = AGE
) -> EndpointRunner:
    spool = SpoolBounds(folder / "cues.spool", 1 << 20, max_age or 1e6)
    options = RunnerOptions(
        policy, "retry", 100, spool if policy == "spool" else None, max_age=max_age
    )
    return EndpointRunner(endpoint, "cues", options, waits=lambda: repeat(0.01))


def cue(number: int) -> Message:
    return Message(f"/cue/{number}", "", ())


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", [Cues, CueBatches])
async def test_message_that_waited_too_long_is_expired(
    policy: Policy, kind: type[Cues | CueBatches], tmp_path: Path
) -> None:
    endpoint = kind()
    runner = make(endpoint, policy, tmp_path)
    await runner.start()
    for number in range(5):
        runner.offer(cue(number))
    await asyncio.sleep(2 * AGE)  # the age itself is the subject
    endpoint.up = True
    await until(lambda: runner.connected and runner.queued == 0)
    last = 4
    while not runner.sent:  # a disk may be so slow that one expires
        last += 1
        runner.offer(cue(last))
        await until(lambda: runner.sent + runner.drops.total() == runner.offered)
    await runner.stop()
    assert endpoint.sent == [f"/cue/{last}"]
    assert runner.drops == {"expired": last}
    assert last < 10


@pytest.mark.parametrize("policy", POLICIES)
async def test_message_in_flight_when_the_connection_broke_expires_as_well(
    policy: Policy, tmp_path: Path
) -> None:
    endpoint = CueBatches()
    endpoint.up = True
    runner = make(endpoint, policy, tmp_path)
    await runner.start()
    endpoint.up = False
    for number in range(3):
        runner.offer(cue(number))
    await endpoint.tried.wait()
    await asyncio.sleep(2 * AGE)
    endpoint.up = True
    await until(lambda: runner.queued == 0)
    await runner.stop()
    assert endpoint.sent == []
    assert runner.drops == {"expired": 3}


@pytest.mark.parametrize("policy", POLICIES)
async def test_message_that_is_young_enough_is_delivered(policy: Policy, tmp_path: Path) -> None:
    endpoint = Cues()
    runner = make(endpoint, policy, tmp_path, max_age=600.0)
    await runner.start()
    runner.offer(cue(1))
    endpoint.up = True
    await until(lambda: runner.sent == 1)
    await runner.stop()
    assert (endpoint.sent, runner.drops) == (["/cue/1"], {})


@pytest.mark.parametrize("policy", POLICIES)
async def test_expired_messages_do_not_wait_for_the_connection(
    policy: Policy, tmp_path: Path
) -> None:
    runner = make(Cues(), policy, tmp_path)
    await runner.start()
    for number in range(5):
        runner.offer(cue(number))
    await asyncio.sleep(2 * AGE)
    runner.flush_reports()
    await until(lambda: runner.drops == {"expired": 5})
    assert runner.queued == 0
    await runner.stop()


async def test_expired_messages_end_the_backpressure(tmp_path: Path) -> None:
    runner = make(Cues(), "block", tmp_path)
    await runner.start()
    for number in range(100):
        runner.offer(cue(number))
    assert runner.backpressure.is_active
    await asyncio.sleep(2 * AGE)
    runner.flush_reports()
    await until(lambda: not runner.backpressure.is_active)
    await runner.stop()


async def test_new_value_of_an_address_starts_its_age_again(tmp_path: Path) -> None:
    endpoint = Cues()
    runner = make(endpoint, "latest", tmp_path, max_age=1.0)
    await runner.start()
    runner.offer(cue(1))
    runner.offer(cue(2))
    await asyncio.sleep(0.7)
    runner.offer(cue(1))
    await asyncio.sleep(0.7)
    endpoint.up = True
    await until(lambda: runner.queued == 0)
    await runner.stop()
    assert endpoint.sent == ["/cue/1"]
    assert runner.drops == {"replaced": 1, "expired": 1}


async def test_message_that_must_be_delivered_does_not_expire(tmp_path: Path) -> None:
    endpoint = Notes()
    runner = make(endpoint, "drop_oldest", tmp_path)
    await runner.start()
    runner.offer(Message("/off", "", ()))
    runner.offer(cue(1))
    await asyncio.sleep(2 * AGE)
    endpoint.up = True
    await until(lambda: runner.queued == 0)
    await runner.stop()
    assert endpoint.sent == ["/off"]
    assert runner.drops == {"expired": 1}
