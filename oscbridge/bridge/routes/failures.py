"""Remembers how a route failed last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

__all__ = ["PERIOD", "RouteFailures"]

PERIOD: Final = 10.0
"""Seconds after a failure for which a route counts as failing."""


class RouteFailures:
    """The latest failure of a route. Thread-safe; a failure costs a look at the clock."""

    __slots__ = ("_clock", "_last", "_since", "last_error")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.last_error = ""
        """The latest failure, human-readable; empty if there was none."""
        self._clock = clock
        self._last = self._since = -math.inf

    def note(self, text: str) -> None:
        """Remember a failure."""
        now = self._clock()
        if now - self._last > PERIOD:
            self._since = now
        self._last = now
        self.last_error = text

    @property
    def is_failing(self) -> bool:
        """Whether the route failed within the last :data:`PERIOD`."""
        return self._clock() - self._last <= PERIOD

    @property
    def is_lasting(self) -> bool:
        """Whether it has kept failing for :data:`PERIOD`: one odd message is not enough."""
        return self.is_failing and self._last - self._since >= PERIOD
