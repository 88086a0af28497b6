"""An event loop whose time does not pass by itself: it jumps to the next timer."""

from __future__ import annotations

import asyncio
from asyncio.base_events import BaseEventLoop
from typing import Final

__all__ = ["SimulatedLoop"]

START: Final = 1000.0
"""The time at which a loop begins, in seconds; its resolution is finer than a microsecond."""

RESOLUTION: Final = 1e-7
"""Seconds by which a timer may be early: the error of adding up times."""


class SimulatedLoop(BaseEventLoop):
    """Runs callbacks and timers at once, in the order of a real loop. It has no sockets.

    :meth:`idle` ends when no timer is left, or at a limit: ``max_seconds`` of simulated time or
    ``max_turns`` of the loop. :attr:`limit_reached` is the limit then.
    """

    def __init__(self, *, max_seconds: float, max_turns: int) -> None:
        super().__init__()
        self.limit_reached = ""
        """Why it stopped before all timers had run; empty if all have."""
        self._now = START
        self._max_seconds = max_seconds
        self._max_turns = max_turns
        self._turns = 0
        self._idle: asyncio.Future[None] | None = None
        self._selector = self
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        """The simulated time in seconds."""
        return self._now

    @property
    def elapsed(self) -> float:
        """Simulated seconds since the loop was made."""
        return self._now - START

    async def until(self, elapsed: float) -> None:
        """Wait until so many simulated seconds have elapsed since the loop was made."""
        if elapsed <= self.elapsed or self.limit_reached:
            return
        reached = self._idle = self.create_future()
        timer = self.call_at(START + elapsed, self._wake)
        try:
            await reached
        finally:
            timer.cancel()

    async def idle(self) -> None:
        """Wait until nothing is left to run."""
        if not self.limit_reached:
            self._idle = self.create_future()
            await self._idle

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    # --- what BaseEventLoop needs ------------------------------------------------------------

    def select(self, timeout: float | None) -> list[object]:
        """Called at every turn of the loop, with the seconds until the next timer."""
        self._turns += 1
        if self._turns > self._max_turns:
            self.stop_at(f"{self._max_turns:,} steps of the simulation")
        elif timeout is None:
            self._wake()
        elif timeout > 0 and self.elapsed + timeout > self._max_seconds:
            self.stop_at(f"{self._max_seconds:g} simulated seconds")
        elif timeout > 0:
            self._now += timeout
        return []

    def stop_at(self, limit: str) -> None:
        """Let :meth:`idle` end, as a limit is reached."""
        self.limit_reached = self.limit_reached or limit
        self._wake()

    def _process_events(self, event_list: list[object]) -> None:
        """No events come from outside."""

    def _write_to_self(self) -> None:
        """No thread wakes it: it never sleeps."""
