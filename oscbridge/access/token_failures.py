"""Counts wrong tokens by network, and slows down networks that guess."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["TokenFailures"]

FIRST_DELAY: Final = 0.1
"""Seconds before the response to the first wrong token; doubled for each further one."""

MAX_DELAY: Final = 3.0
"""The longest delay, in seconds. Less than the handshake timeout."""

MAX_FAILURES: Final = 10
"""Wrong tokens of a network after which the answer is to wait, with another code."""

BLOCK_TIME: Final = 60.0
"""Seconds that a guessing network is to wait. Each wrong token after that starts them again."""

MAX_DELAYED: Final = 16
"""Responses to one network that are delayed at the same time. Further ones are sent at once, so
that guesses do not take up the connections that valid tokens need."""

FORGET_TIME: Final = 600.0
"""Seconds after its last wrong token when the count of a network is reset."""

MAX_NETWORKS: Final = 4_096
"""Networks that are counted; then the one with the oldest wrong token is forgotten."""


class TokenFailures:
    """Counts wrong tokens: each delays the next response to that network."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._delayed: Counter[str] = Counter()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Count and time of the last one by network, oldest first."""

    def __len__(self) -> int:
        return len(self._failures)

    def blocked_for(self, network: str) -> float:
        """Seconds that the network is to wait; 0 if it may try again."""
        count, last = self._failures.get(network, (0, 0.0))
        if count < MAX_FAILURES:
            return 0.0
        return max(0.0, last + BLOCK_TIME - self._clock())

    def count(self, network: str) -> int:
        """The number of wrong tokens of a network that are remembered."""
        return self._failures.get(network, (0, 0.0))[0]

    @contextmanager
    def delaying(self, network: str) -> Iterator[bool]:
        """Around the delay of a response. Yields whether to delay it at all."""
        self._delayed[network] += 1
        try:
            yield self._delayed[network] <= MAX_DELAYED
        finally:
            self._delayed[network] -= 1
            if not self._delayed[network]:
                del self._delayed[network]

    def add(self, network: str) -> float:
        """Count a wrong token. Returns the seconds to wait before responding."""
        now = self._clock()
        count = self._failures.pop(network, (0, 0.0))[0] + 1
        while self._failures:
            oldest, (_, last) = next(iter(self._failures.items()))
            if now - last < FORGET_TIME and len(self._failures) < MAX_NETWORKS:
                break
            del self._failures[oldest]
        self._failures[network] = (count, now)
        # The exponent is bounded, since the power would become too large for a float.
        return min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(count - 1, MAX_FAILURES))
