"""Dropped messages of an endpoint: counted by reason, and logged at a bounded rate."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Final

from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["EXPECTED", "STANDBY", "DropCounter", "several"]

STANDBY: Final = "standby"
"""The reason of messages that another bridge delivers: ``[run] leader``."""

EXPECTED: Final = frozenset({"replaced", STANDBY})
"""Reasons that the configuration asks for: counted, and not logged."""

_EXPLANATIONS: Final = {
    "full": "they arrive faster than they can be delivered",
    "closed": "the endpoint is not open",
    "stopped": "no time left to deliver them",
    "expired": "they waited longer than max_age",
    "unreadable": "the file on disk is damaged, or written for other options",
}
"""The bridge's own reasons, for the log."""


class DropCounter:
    """Counts the messages that an endpoint drops. Safe to use from several threads."""

    def __init__(self, log: RateLimitedLog) -> None:
        self.counts: Counter[str] = Counter()
        """Messages by reason."""
        self._log = log
        self._lock = threading.Lock()

    def count(self, reason: str, count: int) -> None:
        """Count messages without logging them. Never waits for long."""
        with self._lock:
            self.counts[reason] += count

    def drop(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages. ``why`` explains the reason in the log.

        A negative count is a mistake in the endpoint: it is logged and not counted.
        """
        if count < 0:
            text = f"{count} is not a valid number of lost messages ({reason}); it is not counted"
            self._log.report("negative", text, level=logging.ERROR)
            return
        self.count(reason, count)
        self.log(reason, count, why)

    def log(self, reason: str, count: int, why: str = "") -> None:
        """Log messages that were counted before."""
        if reason not in EXPECTED:
            text = f"{several(count)} lost: {why or _EXPLANATIONS.get(reason, reason)}"
            self._log.report(reason, text, count=count)


def several(count: int) -> str:
    """Return a number of messages as text: ``1 message``, ``7 messages``."""
    return "1 message" if count == 1 else f"{count} messages"
