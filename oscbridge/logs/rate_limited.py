"""Rate-limited logging: the first event of a kind at once, the others as a count."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["RateLimitedLog"]

FIRST_PERIOD: Final = 10.0
"""Seconds between the first line of a kind and its first summary."""

PERIOD: Final = 60.0
"""Seconds between later summaries of a kind, while it continues."""

MAX_KINDS: Final = 256
"""Kinds that are distinguished."""

MAX_TEXT: Final = 2_000
"""Characters of a text that is kept for a summary."""


@dataclass(slots=True)
class _Kind:
    """The events of one kind since its last line."""

    since: float
    period: float
    more: int = 0
    text: str = ""
    level: int = logging.WARNING

    def is_over(self, now: float) -> bool:
        return now - self.since >= self.period


class _Line(NamedTuple):
    level: int
    text: str
    error: BaseException | None = None
    detail: str = ""


class RateLimitedLog:
    """Logs one line per kind and period, however many events there are.

    The first event of a kind is logged at once. Those of the next ``every`` seconds are counted
    and logged in one line, with the latest text and "412 more in 60 s"; then those of each
    ``later`` seconds. After a period without events, the next one is a first one again. So the
    lines and their counts add up to all events.

    A summary is logged by the first event after its period, or by :meth:`flush`, which is to be
    called about once per second. At most ``kinds`` kinds are distinguished; the others share a
    line. ``part`` is the part that lines name, for example ``bridge.stage``. Thread-safe.
    """

    def __init__(
        self,
        logger: logging.Logger,
        every: float = FIRST_PERIOD,
        kinds: int = MAX_KINDS,
        clock: Callable[[], float] = time.monotonic,
        *,
        later: float = PERIOD,
        part: str = "",
    ) -> None:
        self.part = part
        self._logger = logger
        self._every = every
        self._later = max(every, later)
        self._limit = kinds
        self._clock = clock
        self._kinds: dict[object, _Kind] = {}
        # Reentrant: a finalizer may run at any point, and log.
        self._lock = threading.RLock()

    def report(
        self,
        kind: object,
        text: str,
        *,
        level: int = logging.WARNING,
        error: BaseException | None = None,
        detail: str = "",
        count: int = 1,
    ) -> None:
        """Log ``text``, or only count it if its kind was logged within the period.

        ``error`` adds its traceback; ``detail`` is the text of a traceback from elsewhere; both
        are not kept for a summary. ``count`` is the number of events.
        """
        now = self._clock()
        with self._lock:
            lines: list[_Line] = []
            if kind not in self._kinds and self._is_full():
                lines = self._overdue(now)
                if self._is_full():
                    kind = _OTHERS
            known = self._kinds.get(kind)
            if known is None or (not known.more and known.is_over(now)):
                self._kinds[kind] = _Kind(now, self._every)
                lines.append(_Line(level, text, error, detail))
            else:
                known.more += count
                known.text, known.level = text[:MAX_TEXT], level
                if known.is_over(now):
                    lines.append(_Line(level, self._summary(known, now), error, detail))
        self._log(lines)

    def forget(self, kind: object) -> None:
        """Log the next event of a kind at once, and the count of earlier ones now."""
        now = self._clock()
        with self._lock:
            known = self._kinds.pop(kind, None)
            lines = []
            if known is not None and known.more:
                lines.append(_Line(known.level, self._summary(known, now)))
        self._log(lines)

    def flush(self, *, everything: bool = False) -> None:
        """Log overdue summaries; with ``everything``, all of them, for the end."""
        if not self._kinds:
            return
        now = self._clock()
        with self._lock:
            lines = self._overdue(now, everything=everything)
        self._log(lines)

    def _is_full(self) -> bool:
        return len(self._kinds) - (_OTHERS in self._kinds) >= self._limit

    def _overdue(self, now: float, *, everything: bool = False) -> list[_Line]:
        """Summaries to be logged. Kinds without events are removed."""
        lines = []
        for kind, known in list(self._kinds.items()):
            over = known.is_over(now)
            if known.more and (over or everything):
                lines.append(_Line(known.level, self._summary(known, now)))
            elif over:
                del self._kinds[kind]
        return lines

    def _summary(self, known: _Kind, now: float) -> str:
        """The text of a summary. Starts another period."""
        seconds = max(1, round(now - known.since))
        text = f"{known.text} ({known.more} more in {seconds} s)"
        known.since, known.period = now, self._later
        known.more, known.text = 0, ""
        return text

    def _log(self, lines: list[_Line]) -> None:
        # Without the lock: a handler may be slow, or log itself.
        for level, text, error, detail in lines:
            extra = {"part": self.part, "detail": detail}
            self._logger.log(level, "%s", text, exc_info=error, extra=extra)


_OTHERS: Final = object()
