"""Waiting for a condition that has no event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

__all__ = ["POLL_INTERVAL", "becomes_true", "until"]

POLL_INTERVAL: Final = 0.002
"""Seconds between two looks at a condition."""


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition that has no event. Raises ``AssertionError`` after ``seconds``."""
    if not await becomes_true(condition, seconds):
        raise AssertionError(f"not true within {seconds:g} s")


async def becomes_true(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for a condition. Returns False after ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110  # no event exists
                await asyncio.sleep(POLL_INTERVAL)
    except TimeoutError:
        return False
    return True
