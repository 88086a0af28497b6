"""Reports that follow changes: soon, together, and for a share of the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["COALESCE", "FollowingReports"]

COALESCE: Final = 0.1
"""Seconds within which changes are reported together."""

SHARE: Final = 0.2
"""The share of the time that reports take while there is one change after the other."""


class FollowingReports:
    """Calls ``report`` after changes. On the event loop."""

    def __init__(self, report: Callable[[], Awaitable[None]]) -> None:
        self._report = report
        self._is_changed = False
        self._task: asyncio.Task[None] | None = None

    def request(self, loop: asyncio.AbstractEventLoop) -> None:
        """There is a change: report it soon."""
        self._is_changed = True
        if self._task is None:
            self._task = loop.create_task(self._run())

    def cancel(self) -> None:
        """Report nothing more."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        clock, pause = asyncio.get_running_loop().time, COALESCE
        try:
            while self._is_changed:
                await asyncio.sleep(pause)
                self._is_changed = False
                started = clock()
                await self._report()
                pause = max(COALESCE, (clock() - started) / SHARE)
        finally:
            self._task = None
