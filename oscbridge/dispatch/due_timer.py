"""Drives a scheduler on an event loop."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from oscbridge.dispatch.scheduler import LONGEST_WAIT, Scheduler

__all__ = ["DueTimer"]


class DueTimer:
    """Runs due messages, from its creation until :meth:`close`."""

    def __init__(self, scheduler: Scheduler, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduler = scheduler
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._open = ExitStack()
        self._open.enter_context(scheduler.notify(self._notify))
        self._set()

    def close(self) -> None:
        """Stop the timer."""
        self._open.close()
        if self._handle is not None:
            self._handle.cancel()

    def _notify(self) -> None:
        self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._scheduler.next_ns is not None:
            self._handle = self._loop.call_later(self._scheduler.wait(LONGEST_WAIT), self._run)

    def _run(self) -> None:
        self._handle = None
        self._scheduler.run_due()
        self._set()
