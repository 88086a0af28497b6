"""Helpers for tests of the spool: endpoints, and a runner with checked accounting at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import repeat
from pathlib import Path
from typing import TypeAlias

from oscbridge import (
    BadMessage,
    Delivery,
    Durability,
    Endpoint,
    Message,
    NotConnected,
    Options,
    PartialDelivery,
)
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sinks.spool.bounds import SpoolBounds
from oscbridge.bridge.sinks.spool.queue import SpoolQueue
from oscbridge.testing import until

WAIT = 20.0


class RunningClock:
    """A monotonic clock that tests advance."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Marked(Options):
    mark: int = 0


class SinkRoute(Options):
    topic: str = ""


Item: TypeAlias = Delivery[SinkRoute]


class Sink(Endpoint[Marked, Item], Durability[Item]):
    """Accepts batches while it is up. Messages to ``/loose...`` are not durable."""

    def __init__(self, name: str = "sink", options: Marked | None = None) -> None:
        super().__init__(name, options or Marked())
        self.messages: list[Item] = []
        self.up = True
        self.stuck = False
        self.bad: list[tuple[object, ...]] = []

    async def connect(self) -> None:
        if not self.up:
            raise NotConnected("away")

    async def send_batch(self, messages: Sequence[Item]) -> None:
        if not self.up:
            raise NotConnected("away")
        if self.stuck:
            await asyncio.Event().wait()
        for index, message in enumerate(messages):
            if message.args[:1] in self.bad:
                raise PartialDelivery(range(index), {index: BadMessage("no")})
            self.messages.append(message)

    def is_durable(self, message: Item) -> bool:
        return not message.address.startswith("/loose")

    @property
    def values(self) -> list[object]:
        return [message.args[0] for message in self.messages]


class Away(Sink):
    """The same, initially down."""

    def __init__(self, name: str = "sink", options: Marked | None = None) -> None:
        super().__init__(name, options)
        self.up = False


def make(
    endpoint: Endpoint,
    path: Path,
    size: int = 100_000_000,
    age: float = 1e6,
    queue_size: int = 10_000,
    on_start: str = "retry",
    clock: Callable[[], float] = time.monotonic,
) -> EndpointRunner:
    bounds = SpoolBounds(path, size, age, clock)
    options = RunnerOptions("spool", on_start, queue_size, bounds)  # type: ignore[arg-type]
    return EndpointRunner(endpoint, "sink", options, waits=lambda: repeat(0.01))


@asynccontextmanager
async def started(
    endpoint: Endpoint, path: Path, **options: object
) -> AsyncIterator[EndpointRunner]:
    """Run an endpoint. At the end every message is accounted for."""
    runner = make(endpoint, path, **options)  # type: ignore[arg-type]
    await runner.start()
    try:
        yield runner
    finally:
        await runner.stop(0.05)
        assert runner.offered == (runner.sent + sum(runner.drops.values()) + runner.queued)


def value(number: int, address: str = "/n") -> Item:
    return Delivery(Message(address, "i", (number,)), None, {})


def offer(runner: EndpointRunner, *numbers: int) -> None:
    for number in numbers:
        runner.offer(value(number))


def spool_of(runner: EndpointRunner) -> SpoolQueue:
    queue = runner.queue
    assert isinstance(queue, SpoolQueue)
    return queue


async def safe(runner: EndpointRunner) -> None:
    """Wait until all durable messages are on disk."""
    await until(lambda: not spool_of(runner).unsafe)
