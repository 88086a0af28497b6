"""The tempo of a MIDI clock. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["TICKS", "ClockTempo"]

TICKS: Final = 24
"""Clock ticks per quarter note (MIDI 1.0)."""

PAUSE: Final = 1.0
"""Seconds without a tick after which measuring restarts: 2.5 beats per minute."""


class ClockTempo:
    """Measures beats per minute, once per quarter note, over the last 24 ticks."""

    def __init__(self) -> None:
        self._ticks = 0
        self._began = 0.0
        self._last = 0.0

    def tick(self, seconds: float) -> float | None:
        """Take a tick at a time in seconds. Returns the tempo at the end of a quarter note."""
        paused = seconds - self._last > PAUSE
        self._last = seconds
        if not self._ticks or paused or seconds < self._began:
            self._ticks, self._began = 1, seconds
            return None
        self._ticks += 1
        if self._ticks <= TICKS or seconds == self._began:
            return None
        took = seconds - self._began
        self._ticks, self._began = 1, seconds
        return round(60 / took, 2)
