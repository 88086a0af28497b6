"""Notices a send, or a connect or close, that does not return."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import FrameType

from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["StallWatch", "waiting_at"]


class StallWatch:
    """Measures how long one send has been in progress, from regular looks at it, and logs it.

    Nothing is done per message: an attempt that is the same object, with as many messages left,
    at two looks has made no progress between them.
    """

    def __init__(
        self,
        timeout: float,
        clock: Callable[[], float],
        log: RateLimitedLog,
        what: str = "send",
    ) -> None:
        self.problem = ""
        """That it does not return, human-readable; empty while there is progress."""
        self._what = what
        self._timeout = timeout
        self._clock = clock
        self._log = log
        self._attempt: object = None
        self._left = 0
        self._since = 0.0

    def look(self, attempt: object, left: int, task: asyncio.Task[None] | None) -> None:
        """Update :attr:`problem`. To be called about once per second.

        ``attempt`` is the send in progress, or None; ``left`` is the number of its messages that
        are not settled; ``task`` sends them.
        """
        seconds = self._stalled_for(attempt, left)
        if seconds < self._timeout or not seconds:
            self.problem = ""
            return
        if not self.problem:
            place = "" if task is None else waiting_at(task)
            waits = f", waiting at {place}" if place else ""
            text = f"{self._what} in progress for {seconds:.0f} s{waits}"
            self._log.report(f"stalled {self._what}", text, level=logging.ERROR)
        self.problem = f"{self._what} in progress for {seconds:.0f} s"

    def _stalled_for(self, attempt: object, left: int) -> float:
        """Seconds without progress."""
        now = self._clock()
        if attempt is None or attempt is not self._attempt or left != self._left:
            self._attempt, self._left, self._since = attempt, left, now
        return now - self._since


def waiting_at(task: asyncio.Task[None]) -> str:
    """Return ``FILE:LINE`` of the innermost coroutine that a task waits in, if that is known."""
    inner: object = task.get_coro()
    place = ""
    while isinstance(inner, Coroutine):
        frame: FrameType | None = getattr(inner, "cr_frame", None)
        if frame is not None and "asyncio" not in frame.f_code.co_filename:
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        inner = getattr(inner, "cr_await", None)
    return place
