"""An event loop for stateful steps, whose clock only the test advances."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any


class Loop:
    """A simulated clock that only the test advances; other timers may run out of order."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.early = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self)  # type: ignore[arg-type]
        # Timers due together run in the wrong order, as is possible on a real loop.
        heapq.heappush(self._timers, (when, -len(self._timers), handle))
        return handle

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        pass

    def go(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, handle = heapq.heappop(self._timers)
            self.now = max(self.now, when - self.early)
            if not handle.cancelled():
                handle._run()
        self.now = until

    @property
    def waiting(self) -> int:
        return sum(not handle.cancelled() for _, _, handle in self._timers)
