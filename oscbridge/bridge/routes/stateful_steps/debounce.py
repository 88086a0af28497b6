"""``debounce``: passes the last message of a burst."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StepOut
from oscbridge.delivery import Deliverable

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
        self._seconds = seconds
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        self._max_addresses = max_addresses
        self._waiting: OrderedDict[str, tuple[float, Deliverable]] = OrderedDict()
        """When messages are due, earliest first, and the messages."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        due = self._loop.time() + self._seconds
        if message.address in self._waiting:
            self._counts.filter("debounce")
            self._waiting.move_to_end(message.address)
        elif len(self._waiting) >= self._max_addresses:
            self._waiting.popitem(last=False)
            self._lose("debounced", f"more than {self._max_addresses} messages wait in debounce")
        self._waiting[message.address] = due, message
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._send, due)

    def _send(self, expected: float) -> None:
        self._timer = None
        now = max(self._loop.time(), expected)  # the loop may be early by its clock's resolution
        while self._waiting:
            due, message = next(iter(self._waiting.values()))
            if due > now:
                # One timer, set again only when it fires: a message costs no timer.
                self._timer = self._loop.call_at(due, self._send, due)
                return
            del self._waiting[message.address]
            self._out(message)

    def close(self) -> None:
        """Pass the waiting messages, so that the last value arrives."""
        waiting = [message for _, message in self._waiting.values()]
        self.discard()
        for message in waiting:
            self._out(message)

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
