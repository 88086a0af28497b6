"""How many messages a second."""

from __future__ import annotations

import asyncio

__all__ = ["Bucket"]


class Bucket:
    """A token bucket: as many at once as it lets through in a second, then that rate."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._left = float(rate)
        self._clock = asyncio.get_running_loop().time
        self._last = self._clock()

    def take(self, count: int) -> float:
        """Take some out. Returns the seconds to wait until they may be followed by others."""
        now = self._clock()
        self._left = min(self._rate, self._left + (now - self._last) * self._rate) - count
        self._last = now
        return 0.0 if self._left >= 0 else -self._left / self._rate
