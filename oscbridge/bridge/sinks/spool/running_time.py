"""How long bridges have run with a spool, by which its messages expire."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

__all__ = ["EXPIRY_GRACE", "SAVE_INTERVAL", "RunningTime"]

EXPIRY_GRACE: Final = 600.0
"""Seconds after a start in which no message expires: the endpoint may be back in time.

Where messages expire sooner than that, those of earlier starts expire at once instead, because
an old cue is worse than a lost one, and nothing says for how long the bridge was not running."""

SAVE_INTERVAL: Final = 60.0
"""Seconds of running time that a kill can take back at most."""


def _grace(age: float) -> float:
    """The grace for messages with a maximum age: none for those that are soon worthless."""
    return EXPIRY_GRACE if age >= EXPIRY_GRACE else 0.0


class RunningTime:
    """Seconds for which bridges have run with one spool, over all starts.

    Not the time of day: a machine without a battery-backed clock starts with a wrong one, and
    time that a bridge was not running would count although it could deliver nothing.
    """

    def __init__(self, before: float, clock: Callable[[], float]) -> None:
        """``before`` is the running time of earlier starts, ``clock`` a monotonic clock."""
        self._clock = clock
        self._started = clock()
        self._before = self._saved = before

    def now(self) -> float:
        return self._before + self._since_start

    @property
    def _since_start(self) -> float:
        return self._clock() - self._started

    def expiry_limit(self, age: float) -> float:
        """Return the running time before which a message that is older than ``age`` was written."""
        return -math.inf if self._since_start < _grace(age) else self.now() - age

    def seconds_until_expiry(self, written: float, age: float) -> float:
        """Return the seconds until a message expires; 0 if it has."""
        return max(0.0, written + age - self.now(), _grace(age) - self._since_start)

    @property
    def is_save_due(self) -> bool:
        return self.now() - self._saved >= SAVE_INTERVAL

    def saved(self, value: float) -> None:
        """Note that a running time is on disk."""
        self._saved = value
