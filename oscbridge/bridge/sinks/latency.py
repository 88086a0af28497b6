"""Delivery latency: a histogram, and the sampling that fills it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

__all__ = ["BOUNDS", "Latency", "LatencySampler"]

BOUNDS: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of the buckets in seconds; one more bucket holds everything slower."""


class Latency:
    """A histogram of seconds."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        """The number of observations in each bucket."""
        self.total = 0.0
        """The sum of all observations, in seconds."""

    def observe(self, seconds: float) -> None:
        """Add one observation."""
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class LatencySampler:
    """Measures one message at a time, from entering a queue until its delivery.

    It follows the message by its position: the total removed from the queue once the message
    has been removed. The queue calls :meth:`start`, :meth:`removed`, :meth:`dropped` and
    :meth:`preceded` under its lock; the sender calls :meth:`delivered`. ``clock`` returns
    seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.latency = Latency()
        self.position = 0
        """Total removed once the sampled message is; 0 while no message in the queue is sampled."""
        self.entered_at = 0.0
        """When the sampled message among those taken last entered the queue; 0 for none."""
        self._clock = clock
        self._removed = 0
        self._started_at = 0.0

    def start(self, waiting: int) -> None:
        """Sample the newest of ``waiting`` messages."""
        self._started_at = self._clock()
        self.position = self._removed + waiting

    def removed(self, count: int) -> None:
        """Note that the oldest ``count`` messages were taken for delivery."""
        self._removed += count
        if 0 < self.position <= self._removed:
            self.entered_at, self.position = self._started_at, 0
        else:
            self.entered_at = 0.0

    def dropped(self, count: int = 1) -> None:
        """Note that the oldest ``count`` messages were dropped; a sample among them is void."""
        self._removed += count
        if self.position <= self._removed:
            self.position = 0

    def preceded(self, count: int) -> None:
        """Note that ``count`` messages were inserted before all others."""
        if self.position:
            self.position += count

    def delivered(self) -> None:
        """Record the latency if the messages taken last included the sampled one."""
        if self.entered_at:
            self.latency.observe(self._clock() - self.entered_at)
            self.entered_at = 0.0
