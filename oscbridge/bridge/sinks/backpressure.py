"""Backpressure: a full endpoint with the policy ``block`` or ``spool`` pauses its sources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Backpressure"]


class Backpressure:
    """Whether the sources of one endpoint should pause.

    A queue requests a change from any thread; it becomes active on the event loop, where the
    sources are paused and resumed. ``only_streams``: only those whose clients can wait.
    """

    def __init__(self, *, only_streams: bool = False) -> None:
        self.only_streams = only_streams
        self.is_active = False
        """Whether sources should pause. Changes on the event loop only."""
        self.is_requested = False
        """Whether the queue wants its sources to pause."""
        self.on_change: Callable[[], None] | None = None
        """Called on the event loop after :attr:`is_active` has changed."""

    def request(self, on: bool, loop: asyncio.AbstractEventLoop) -> None:
        """Request a change. Call it under the lock of the queue, so that the last call wins."""
        self.is_requested = on
        try:
            # Never applied here: sources that resume put messages into the locked queue at once.
            loop.call_soon_threadsafe(self.apply)
        except RuntimeError:
            pass  # the loop is closed, and its sources with it

    def apply(self) -> None:
        """Make the last request active. On the event loop, without the lock of the queue."""
        if self.is_active is not self.is_requested:
            self.is_active = self.is_requested
            if self.on_change is not None:
                self.on_change()
