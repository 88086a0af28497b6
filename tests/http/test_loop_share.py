"""Responses in turn, and the rest of the loop's time."""

from __future__ import annotations

import asyncio
import time

import pytest

from oscbridge.http import LoopShare


async def test_results_come_in_order() -> None:
    share, order = LoopShare(1), list[int]()
    results = await asyncio.gather(
        *(share.run(lambda index=index: order.append(index) or index) for index in range(5))  # type: ignore[misc]
    )
    assert results == order == [0, 1, 2, 3, 4]


async def test_pause_is_the_rest_of_the_loop() -> None:
    share, started = LoopShare(0.25), time.monotonic()
    await asyncio.gather(*(share.run(lambda: time.sleep(0.02)) for _ in range(3)))
    assert time.monotonic() - started >= 2 * (0.02 / 0.25) + 0.02


async def test_error_is_passed_on_and_the_next_one_has_its_turn() -> None:
    share = LoopShare(1)
    first, second = share.run(lambda: 1 // 0), share.run(lambda: 1)
    with pytest.raises(ZeroDivisionError):
        await first
    assert await second == 1


@pytest.mark.parametrize("turns", range(4))
async def test_cancelled_one_passes_its_turn_on(turns: int) -> None:
    share = LoopShare(1)
    tasks = [asyncio.create_task(share.run(lambda: None)) for _ in range(4)]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[2].cancel()
    async with asyncio.timeout(5):
        await tasks[0]
        await tasks[3]
        await share.run(lambda: None)
