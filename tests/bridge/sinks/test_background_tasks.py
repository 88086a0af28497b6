"""A background task of an endpoint that dies is logged, counted, and reconnects the endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from oscbridge import Endpoint, Message
from oscbridge.status.status import read_status

CONFIG = '[endpoint.desk]\ntype = "polling"\n'


class Panic(BaseException):
    """Not an ``Exception``."""


class Polling(Endpoint):
    """Its task raises the given exception, or waits."""

    def __init__(self, name: str, options: object) -> None:
        super().__init__(name, options)  # type: ignore[arg-type]
        self.connects = 0
        self.errors: asyncio.Queue[BaseException | None] = asyncio.Queue()
        self.tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        self.connects += 1
        self.tasks.append(self.start_task(self.poll()))

    async def poll(self) -> None:
        error = await self.errors.get()
        if error is not None:
            raise error

    async def send(self, message: Message) -> None:
        pass


@pytest.mark.parametrize(
    "error", [KeyError("x"), KeyboardInterrupt(), asyncio.CancelledError(), Panic()], ids=repr
)
async def test_task_that_dies_reconnects_the_endpoint(
    error: BaseException,
    types: dict[str, type[Endpoint]],
    running: Callable[..., object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    types["polling"] = Polling
    async with running(CONFIG) as app:  # type: ignore[attr-defined]
        runner = app.endpoints["desk"]
        runner.endpoint.errors.put_nowait(error)
        async with asyncio.timeout(10):
            while not runner.failed_tasks:
                await asyncio.sleep(0)
            (problem,) = read_status(app).problems
            while runner.endpoint.connects < 2 or not runner.connected:
                await asyncio.sleep(0.01)
        assert runner.failed_tasks == 1
        assert read_status(app).problems == ()
    assert problem.startswith(
        f"endpoint.desk: not connected: task Polling.poll died: {type(error).__name__}"
    )
    assert f"task Polling.poll died: {type(error).__name__}" in caplog.text


async def test_task_that_returns_changes_nothing(
    types: dict[str, type[Endpoint]], running: Callable[..., object]
) -> None:
    types["polling"] = Polling
    async with running(CONFIG) as app:  # type: ignore[attr-defined]
        runner = app.endpoints["desk"]
        runner.endpoint.errors.put_nowait(None)
        await asyncio.wait(runner.endpoint.tasks)
        await asyncio.sleep(0)
        assert runner.connected
        assert (runner.failed_tasks, runner.endpoint.connects) == (0, 1)


async def test_tasks_end_with_the_connection(
    types: dict[str, type[Endpoint]], running: Callable[..., object]
) -> None:
    types["polling"] = Polling
    async with running(CONFIG) as app:  # type: ignore[attr-defined]
        endpoint = app.endpoints["desk"].endpoint
    assert [task.cancelled() for task in endpoint.tasks] == [True]
