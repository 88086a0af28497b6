"""``hold``: a long press."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.due_queue import DueQueue
from oscbridge.bridge.routes.stateful_steps.step import LossReport, StateBounds, StepOut
from oscbridge.contract.delivery import Deliverable

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
        self._queue = DueQueue(seconds, loop, self._pass)
        self._out = out
        self._counts = counts
        self._lose = lose
        self._states = states
        self._long: OrderedDict[str, bool] = OrderedDict()
        """Addresses whose press has passed and has not ended."""

    @property
    def held(self) -> int:
        return len(self._queue)

    def put(self, message: Deliverable) -> None:
        address = message.address
        if not is_pressed(message):
            self._long.pop(address, None)
            self._counts.filter("hold", 2 if self._queue.remove(address) else 1)
        elif address in self._queue:
            self._queue.replace(address, message)
            self._counts.filter("hold")
        elif address in self._long:
            self._long.move_to_end(address)
            self._counts.filter("hold")
        else:
            self._press(message)

    def _press(self, message: Deliverable) -> None:
        if len(self._queue) >= self._states.max_addresses:
            self._queue.remove_oldest()
            text = f"more than {self._states.max_addresses} messages wait in hold"
            self._lose("pressed", text)
        self._queue.put(message.address, message)

    def _pass(self, message: Deliverable) -> None:
        self._states.remember(self._long, message.address, True)
        self._out(message)

    def close(self) -> None:
        """Drop and count the waiting messages: nobody knows whether the presses are long."""
        if stopped := self._queue.clear():
            self._counts.fail("stopped", len(stopped))

    def discard(self) -> None:
        self._queue.clear()
