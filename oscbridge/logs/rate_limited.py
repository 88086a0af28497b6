"""Reports at a bounded rate: the first of a kind at once, the rest as a count."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

__all__ = ["RateLimitedLog"]

FIRST_PERIOD: Final = 10.0
"""Seconds after the first line of a kind before there is a second."""

PERIOD: Final = 60.0
"""Seconds between later lines of a kind, for as long as it goes on."""

MAX_KINDS: Final = 256
"""Kinds that a reporter tells apart."""

MAX_TEXT: Final = 2_000
"""Characters of a text that is kept until it is told."""


@dataclass(slots=True)
class _Kind:
    """What is known of one kind since its last line."""

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
    """Logs one line a kind of fault and period, however often the fault comes.

    The first is told at once. What comes within ``every`` seconds is counted and told in
    one line, with the latest text and "412 more in 60 s"; then what comes within ``later``
    seconds, and so on. After a period without any, the next is a first again. So the lines
    and their counts together are all that was reported.

    A summary is told by the first report after its period. :meth:`flush` tells it when there
    is none: call it about once a second. At most ``kinds`` kinds are told apart; others
    share a line. ``part`` is what the log names beside the text, as ``bridge.stage``. Safe
    to use from several threads.
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
        # Reentrant: a finalizer may run anywhere, and report.
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
        """Log ``text`` unless its kind was logged within the period; then only count it.

        ``error`` brings its traceback; ``detail`` is one from elsewhere, as text. ``count``
        is how many this report stands for. Neither is kept for a summary.
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

    def flush(self, *, everything: bool = False) -> None:
        """Tell what is overdue; at the end, ``everything`` that was counted and not told."""
        if not self._kinds:
            return
        now = self._clock()
        with self._lock:
            lines = self._overdue(now, everything=everything)
        self._log(lines)

    def _is_full(self) -> bool:
        return len(self._kinds) - (_OTHERS in self._kinds) >= self._limit

    def _overdue(self, now: float, *, everything: bool = False) -> list[_Line]:
        """Summaries to be told. Kinds that have stopped are forgotten."""
        lines = []
        for kind, known in list(self._kinds.items()):
            over = known.is_over(now)
            if known.more and (over or everything):
                lines.append(_Line(known.level, self._summary(known, now)))
            elif over:
                del self._kinds[kind]
        return lines

    def _summary(self, known: _Kind, now: float) -> str:
        """The text of a summary, with which another period begins."""
        seconds = max(1, round(now - known.since))
        text = f"{known.text} ({known.more} more in {seconds} s)"
        known.since, known.period = now, self._later
        known.more, known.text = 0, ""
        return text

    def _log(self, lines: list[_Line]) -> None:
        # Not under the lock: a handler may take its time, or report.
        for level, text, error, detail in lines:
            extra = {"part": self.part, "detail": detail}
            self._logger.log(level, "%s", text, exc_info=error, extra=extra)


_OTHERS: Final = object()
