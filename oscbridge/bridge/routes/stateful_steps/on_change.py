"""``on_change``: lets only changed values pass."""

from __future__ import annotations

from collections import OrderedDict

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import StateBounds, StepOut
from oscbridge.contract.delivery import Deliverable

__all__ = ["OnChange"]


class OnChange:
    """Passes a message if its values differ from the last ones at its address."""

    held = 0

    def __init__(self, out: StepOut, counts: RouteCounts, states: StateBounds) -> None:
        self._out = out
        self._counts = counts
        self._states = states
        self._last: OrderedDict[str, object] = OrderedDict()

    def put(self, message: Deliverable) -> None:
        value = (message.types, message.args)
        if self._last.get(message.address) == value:
            self._last.move_to_end(message.address)
            self._counts.filter("on_change")
            return
        self._states.remember(self._last, message.address, value)
        self._out(message)

    def close(self) -> None:
        """Nothing waits."""

    def discard(self) -> None:
        """Nothing waits."""
