"""``hold``: a long press."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds, StepOut
from oscbridge.delivery import Deliverable

__all__ = ["Hold", "is_pressed"]


def is_pressed(message: Deliverable) -> bool:
    """Whether the first argument is true or a number other than 0."""
    value = message.args[0] if message.args else None
    return isinstance(value, int | float) and bool(value) and not math.isnan(value)


class Hold:
    """Passes a message once its address has been pressed (:func:`is_pressed`) for ``seconds``.

    A press ends with the first message that is not one. It passes one message: the last one
    before the time is over. All other messages are filtered out.
    """

    def __init__(
        self,
        seconds: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
        states: StateBounds,
    ) -> None:
        self._seconds = seconds
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        self._states = states
        self._waiting: OrderedDict[str, tuple[float, Deliverable]] = OrderedDict()
        """When presses are long, earliest first, and their messages."""
        self._long: OrderedDict[str, bool] = OrderedDict()
        """Addresses whose press has passed and has not ended."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        address = message.address
        waiting = self._waiting.get(address)
        if not is_pressed(message):
            if waiting is not None:
                del self._waiting[address]
            self._long.pop(address, None)
            self._counts.filter("hold", 1 if waiting is None else 2)
        elif waiting is not None:
            self._waiting[address] = waiting[0], message
            self._counts.filter("hold")
        elif address in self._long:
            self._long.move_to_end(address)
            self._counts.filter("hold")
        else:
            self._press(message)

    def _press(self, message: Deliverable) -> None:
        if len(self._waiting) >= self._states.max_addresses:
            self._waiting.popitem(last=False)
            text = f"more than {self._states.max_addresses} messages wait in hold"
            self._lose("pressed", text)
        due = self._loop.time() + self._seconds
        self._waiting[message.address] = due, message
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._send, due)

    def _send(self, expected: float) -> None:
        self._timer = None
        now = max(self._loop.time(), expected)  # the loop may be early by its clock's resolution
        while self._waiting:
            due, message = next(iter(self._waiting.values()))
            if due > now:
                self._timer = self._loop.call_at(due, self._send, due)
                return
            del self._waiting[message.address]
            self._states.remember(self._long, message.address, True)
            self._out(message)

    def close(self) -> None:
        """Drop and count the waiting messages: nobody knows whether the presses are long."""
        if self._waiting:
            self._counts.fail("stopped", len(self._waiting))
        self.discard()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
