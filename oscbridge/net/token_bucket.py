"""A token bucket: limits a rate on average and allows bursts."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Holds up to ``capacity`` tokens and gains ``rate`` tokens per second; full at first.

    ``capacity`` is one second's worth unless given. ``clock`` returns seconds. Not safe to use
    from several threads at once.
    """

    def __init__(
        self,
        rate: float,
        capacity: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._capacity = rate if capacity is None else capacity
        self._tokens = self._capacity
        self._clock = clock
        self._refilled = clock()

    def take(self, count: float) -> float:
        """Take tokens, also more than there are. Returns seconds until none is owed any more."""
        self._refill()
        self._tokens -= count
        return 0.0 if self._tokens >= 0 else -self._tokens / self._rate

    def try_take(self, count: float = 1) -> bool:
        """Take tokens if there are as many. Returns whether they were taken."""
        self._refill()
        if self._tokens < count:
            return False
        self._tokens -= count
        return True

    def _refill(self) -> None:
        now = self._clock()
        gained = (now - self._refilled) * self._rate
        self._tokens = min(self._capacity, self._tokens + gained)
        self._refilled = now
