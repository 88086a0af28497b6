"""``delay``: passes messages later."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StepOut
from oscbridge.delivery import Deliverable

__all__ = ["MAX_DELAYED", "Delay"]

MAX_DELAYED: Final = 10_000
"""Messages that one route may delay; above it new ones are dropped."""


class Delay:
    """Passes messages after some seconds, in order."""

    def __init__(
        self,
        seconds: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
    ) -> None:
        self._seconds = seconds
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        # One timer, for the first message: a loop does not order timers that are due together.
        self._waiting: deque[tuple[float, Deliverable]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        if len(self._waiting) >= MAX_DELAYED:
            self._lose("delayed", f"more than {MAX_DELAYED} messages are delayed")
            return
        due = self._loop.time() + self._seconds
        self._waiting.append((due, message))
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._send)

    def _send(self) -> None:
        self._timer = None
        # The loop may be early by its clock's resolution: the first message is due anyway.
        now = max(self._loop.time(), self._waiting[0][0])
        while self._waiting and self._waiting[0][0] <= now:
            self._out(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._send)

    def close(self) -> None:
        """Drop and count the waiting messages."""
        if self._waiting:
            self._counts.fail("stopped", len(self._waiting))
        self.discard()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
