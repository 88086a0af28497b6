"""Notices a send that does not return."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import FrameType

__all__ = ["StallWatch", "waiting_at"]


class StallWatch:
    """Measures how long one send has been in progress, from regular looks at it.

    Nothing is done per message: an attempt that is the same object, with as many messages left,
    at two looks has made no progress between them.
    """

    def __init__(self, timeout: float, clock: Callable[[], float]) -> None:
        self._timeout = timeout
        self._clock = clock
        self._attempt: object = None
        self._left = 0
        self._since = 0.0

    def look(self, attempt: object, left: int) -> float:
        """Return the seconds without progress if they exceed the time-out, otherwise 0.

        ``attempt`` is the send in progress, or None; ``left`` is the number of its messages that
        are not settled. To be called about once per second.
        """
        now = self._clock()
        if attempt is None or attempt is not self._attempt or left != self._left:
            self._attempt, self._left, self._since = attempt, left, now
            return 0.0
        seconds = now - self._since
        return seconds if seconds >= self._timeout else 0.0


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
