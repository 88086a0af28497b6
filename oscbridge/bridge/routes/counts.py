"""The counters of a route: what became of each message that it took."""

from __future__ import annotations

import threading
from collections import Counter

__all__ = ["RouteCounts"]


class RouteCounts:
    """Messages by what became of them. Any thread may count.

    What a route took is the sum of these and of what its steps hold: a message is counted once,
    when its fate is known, so that no snapshot sees it twice or not at all.
    """

    __slots__ = ("_lock", "failed", "filtered", "forgotten", "is_muted", "passed")

    def __init__(self) -> None:
        self.passed = 0
        """Messages that were handed to the endpoints.

        ``+= 1`` on it needs no lock: the interpreter switches threads only at calls and jumps.
        """
        self.filtered: Counter[str] = Counter()
        """Messages that the configuration does not want to pass, by step."""
        self.failed: Counter[str] = Counter()
        """Lost messages, by reason."""
        self.forgotten = 0
        """Addresses whose state a step has forgotten, as there are too many."""
        self.is_muted = False
        """Whether the route is muted; a changed route takes it over with the counts."""
        self._lock = threading.Lock()

    def filter(self, step: str, count: int = 1) -> None:
        """Count messages that a step filtered out."""
        with self._lock:
            self.filtered[step] += count

    def fail(self, reason: str, count: int = 1) -> None:
        """Count lost messages."""
        with self._lock:
            self.failed[reason] += count
