"""What was published a moment ago, to know its echo by.

MQTT 5 has the flag "no local" for it. MQTT 3.1.1 has not, nor may a shared subscription
have it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

__all__ = ["ECHO_SECONDS", "MAX_ECHOES", "Echoes"]

MAX_ECHOES: Final = 10_000
"""Messages that are remembered at once."""

ECHO_SECONDS: Final = 5.0
"""Seconds for which one is."""


class Echoes:
    """Remembers topics with their payloads, the oldest first to go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue: deque[tuple[float, int]] = deque()
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, topic: str, payload: bytes) -> None:
        """Remember what is published."""
        now = self._clock()
        self._expire(now)
        key = hash((topic, payload))
        self._queue.append((now + ECHO_SECONDS, key))
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._queue) > MAX_ECHOES:
            self._forget_oldest()

    def take(self, topic: str, payload: bytes) -> bool:
        """Whether this is an echo; each is one once."""
        self._expire(self._clock())
        key = hash((topic, payload))
        count = self._counts.get(key, 0)
        if count:
            self._counts[key] = count - 1
        return count > 0

    def _expire(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, key = self._queue.popleft()
        count = self._counts.get(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        else:
            self._counts.pop(key, None)
