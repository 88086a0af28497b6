"""``delay``: passes messages later."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Final

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.due_queue import DueQueue
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StepOut
from oscbridge.contract.delivery import Deliverable

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
        self._queue = DueQueue(seconds, loop, out)
        self._numbers = count()
        self._counts = counts
        self._lose = lose

    @property
    def held(self) -> int:
        return len(self._queue)

    def put(self, message: Deliverable) -> None:
        if len(self._queue) >= MAX_DELAYED:
            self._lose("delayed", f"more than {MAX_DELAYED} messages are delayed")
        else:
            self._queue.put(next(self._numbers), message)

    def close(self) -> None:
        """Drop and count the waiting messages."""
        if stopped := self._queue.clear():
            self._counts.fail("stopped", len(stopped))

    def discard(self) -> None:
        self._queue.clear()
