"""Dropped messages of an endpoint: counted by reason, and logged at a bounded rate."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["EXPECTED", "STANDBY", "DropCounter", "several", "text_of_reason", "which_reason"]

MAX_REASONS: Final = 64
"""Reasons that are counted apart for one endpoint; the others count as "other"."""

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
            self.counts[which_reason(self.counts, reason)] += count

    def drop(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages. ``why`` explains the reason in the log."""
        reason, why = text_of_reason(reason), text_of_reason(why)
        if self.is_valid(reason, count):
            self.count(reason, count)
            self.log(reason, count, why)

    def is_valid(self, reason: str, count: object) -> bool:
        """Whether an endpoint reports a number of messages. Otherwise it is logged: a mistake."""
        if isinstance(count, int) and count >= 0:
            return True
        text = f"{count!r} is not a valid number of lost messages ({reason}); it is not counted"
        self._log.report("negative", text, level=logging.ERROR)
        return False

    def log(self, reason: str, count: int, why: str = "") -> None:
        """Log messages that were counted before."""
        if reason not in EXPECTED:
            text = f"{several(count)} lost: {why or _EXPLANATIONS.get(reason, reason)}"
            self._log.report(reason, text, count=count)


def which_reason(counts: Mapping[str, int], reason: object) -> str:
    """The reason to count under: a plugin may invent one per message, or one that is not a text."""
    text = text_of_reason(reason)
    return text if text in counts or len(counts) < MAX_REASONS else "other"


def text_of_reason(reason: object) -> str:
    """A reason as text that can be counted, whatever a plugin gives as its reason."""
    if isinstance(reason, str):
        return str.__str__(reason)
    try:
        return str.__str__(repr(reason))
    except BaseException:
        return "other"


def several(count: int) -> str:
    """Return a number of messages as text: ``1 message``, ``7 messages``."""
    return "1 message" if count == 1 else f"{count} messages"
