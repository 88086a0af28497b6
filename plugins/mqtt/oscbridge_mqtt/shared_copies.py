"""Copies of one message for several shared subscriptions of this client."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

__all__ = ["COPY_SECONDS", "MAX_COPIES", "SharedCopies"]

COPY_SECONDS: Final = 0.5
"""Seconds within which the broker sends the copies of one message."""

MAX_COPIES: Final = 10_000
"""Most messages whose copies are remembered."""


class SharedCopies:
    """Recognises copies by topic and payload.

    Each subscription brings a message once: of equal messages as many are new as the subscription
    has brought that brought most of them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._brought: OrderedDict[int, tuple[float, Counter[str]]] = OrderedDict()

    def is_new(self, topic: str, payload: bytes, subscription: str) -> bool:
        """Whether no other subscription has brought this message."""
        now, key = self._clock(), hash((topic, payload))
        begun, counts = self._brought.get(key, (now, Counter()))
        if now - begun > COPY_SECONDS:
            begun, counts = now, Counter()
        most = max(counts.values(), default=0)
        counts[subscription] += 1
        self._brought[key] = (begun, counts)
        if len(self._brought) > MAX_COPIES:
            self._brought.popitem(last=False)
        return counts[subscription] > most
