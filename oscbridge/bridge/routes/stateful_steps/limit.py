"""``limit``: thins a stream."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds, StepOut
from oscbridge.contract.delivery import Deliverable

__all__ = ["Limit"]


class Limit:
    """Passes at most ``rate`` messages per second at each address.

    The last value always arrives: a message that comes too soon waits, and is replaced by the
    next one.
    """

    def __init__(
        self,
        rate: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
        states: StateBounds,
    ) -> None:
        self._every = 1.0 / rate
        self._states = states
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        self._next: OrderedDict[str, float] = OrderedDict()
        self._waiting: dict[str, Deliverable] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        address = message.address
        if address in self._waiting:
            self._waiting[address] = message
            self._counts.filter("limit")
            return
        now = self._loop.time()
        due = self._next.get(address, now)
        if now >= due:
            self._states.remember(self._next, address, now + self._every)
            self._out(message)
            return
        if len(self._waiting) >= self._states.max_addresses:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._timers.pop(oldest).cancel()
            self._lose(
                "limited", f"more than {self._states.max_addresses} messages wait for the limit"
            )
        self._waiting[address] = message
        self._timers[address] = self._loop.call_at(due, self._send, address)

    def _send(self, address: str) -> None:
        del self._timers[address]
        message = self._waiting.pop(address)
        self._states.remember(self._next, address, self._loop.time() + self._every)
        self._out(message)

    def close(self) -> None:
        """Pass the waiting messages, so that the last value arrives."""
        waiting = list(self._waiting.values())
        self.discard()
        for message in waiting:
            self._out(message)

    def discard(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
