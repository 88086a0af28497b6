"""A clock that only a test advances."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from oscbridge.bridge.simulation.clock import SimulatedLoop
from oscbridge.bridge.sinks.stall_watch import waiting_at

__all__ = ["FakeClock"]

MAX_SECONDS: Final = 366 * 86_400.0
"""Simulated seconds that a clock may advance in all."""

MAX_TURNS: Final = 1_000_000
"""Turns of the loop in all."""

_ResultT = TypeVar("_ResultT")


class FakeClock:
    """A clock, and an event loop that goes by it: it jumps to the next timer, and never waits."""

    def __init__(self) -> None:
        self._loop = SimulatedLoop(max_seconds=MAX_SECONDS, max_turns=MAX_TURNS)

    def __call__(self) -> float:
        """The time in seconds, of the clock of the loop."""
        return self._loop.time()

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made."""
        return self._loop.elapsed

    def run(self, coroutine: Coroutine[Any, Any, _ResultT]) -> _ResultT:
        """Run a coroutine to its end. Returns what it returns.

        Raises ``AssertionError`` if it waits for something that no timer brings.
        """
        loop = self._loop
        task = loop.create_task(coroutine)
        idle = loop.create_task(loop.idle())
        waiting = asyncio.wait([task, idle], return_when=asyncio.FIRST_COMPLETED)
        loop.run_until_complete(waiting)
        idle.cancel()
        if not task.done():
            place = waiting_at(task)  # type: ignore[arg-type]
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))
            why = loop.limit_reached or "nothing is left to run"
            raise AssertionError(f"it still waits at {place}, and {why}")
        return task.result()

    def advance(self, seconds: float) -> None:
        """Let time pass: run everything that is due within so many seconds."""
        self.run(asyncio.sleep(seconds))

    def close(self) -> None:
        """Cancel the tasks that are left, and close the loop."""
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.close()
