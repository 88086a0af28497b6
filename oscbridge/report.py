"""Reports at a bounded rate: the first of a kind at once, the rest as a count."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Reporter"]


class Reporter:
    """Logs one line a kind of fault and period, however often the fault comes.

    ``every`` is in seconds. At most ``kinds`` kinds are told apart; others share a line.
    """

    def __init__(
        self,
        logger: logging.Logger,
        every: float = 10.0,
        kinds: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._every = every
        self._kinds = kinds
        self._clock = clock
        self._seen: dict[object, tuple[float, int]] = {}

    def report(
        self,
        kind: object,
        text: str,
        *,
        level: int = logging.WARNING,
        error: BaseException | None = None,
    ) -> None:
        """Log ``text`` unless its kind was logged within the period; then only count it."""
        now = self._clock()
        if kind not in self._seen and len(self._seen) >= self._kinds:
            self._seen = {k: seen for k, seen in self._seen.items() if now - seen[0] < self._every}
            if len(self._seen) >= self._kinds:
                kind = _OTHERS
        last, more = self._seen.get(kind, (-math.inf, 0))
        if now - last < self._every:
            self._seen[kind] = (last, more + 1)
            return
        self._seen[kind] = (now, 0)
        if more:
            text = f"{text} ({more} more in {now - last:.0f} s)"
        self._logger.log(level, "%s", text, exc_info=error)


_OTHERS: Final = object()
