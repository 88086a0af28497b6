"""``debounce``: passes the last message of a burst."""

from __future__ import annotations

import asyncio

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.due_queue import DueQueue
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StepOut
from oscbridge.contract.delivery import Deliverable

__all__ = ["Debounce"]


class Debounce:
    """Passes the last message at an address, ``seconds`` after it, if no other one follows.

    At most ``max_addresses`` messages wait; above it the oldest one is lost.
    """

    def __init__(
        self,
        seconds: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
        max_addresses: int,
    ) -> None:
        self._queue = DueQueue(seconds, loop, out)
        self._out = out
        self._counts = counts
        self._lose = lose
        self._max_addresses = max_addresses

    @property
    def held(self) -> int:
        return len(self._queue)

    def put(self, message: Deliverable) -> None:
        if self._queue.put(message.address, message):
            self._counts.filter("debounce")
        elif len(self._queue) > self._max_addresses:
            self._queue.remove_oldest()
            self._lose("debounced", f"more than {self._max_addresses} messages wait in debounce")

    def close(self) -> None:
        """Pass the waiting messages, so that the last value arrives."""
        for message in self._queue.clear():
            self._out(message)

    def discard(self) -> None:
        self._queue.clear()
