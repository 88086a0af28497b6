"""Work that runs until it finishes or something else does."""

from __future__ import annotations

import asyncio

import pytest

from oscbridge.bridge.tasks import run_until


async def test_run_until_returns_true_when_the_work_finishes() -> None:
    stop = asyncio.ensure_future(asyncio.Event().wait())
    assert await run_until(asyncio.sleep(0), stop)
    assert stop.cancelled()


async def test_run_until_cancels_the_work_at_a_stop() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    stop = asyncio.Event()
    stop.set()
    assert not await run_until(work, stop.wait())
    assert work.cancelled()


async def test_run_until_cancels_the_work_after_the_timeout() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    assert not await run_until(work, timeout=0.01)
    assert work.cancelled()


async def test_run_until_raises_the_error_of_the_work() -> None:
    async def fail() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await run_until(fail(), asyncio.Event().wait())


async def test_run_until_raises_the_error_of_cancelled_work() -> None:
    async def fail_late() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError

    with pytest.raises(LookupError):
        await run_until(fail_late(), asyncio.sleep(0))


async def test_run_until_leaves_nothing_running_when_it_is_cancelled() -> None:
    work = asyncio.ensure_future(asyncio.Event().wait())
    running = asyncio.create_task(run_until(work))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert work.cancelled()
