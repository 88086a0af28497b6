"""The tempo that a MIDI clock beats. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["TICKS", "ClockTempo"]

TICKS: Final = 24
"""Ticks of a clock in a quarter note, as MIDI 1.0 has it."""

PAUSE: Final = 1.0
"""Seconds without a tick after which a clock begins anew: 2.5 beats a minute."""


class ClockTempo:
    """Beats a minute, once a quarter note, from the time that the last 24 ticks took."""

    def __init__(self) -> None:
        self._ticks = 0
        self._began = 0.0
        self._last = 0.0

    def tick(self, seconds: float) -> float | None:
        """Take a tick, and when it came. The tempo, if a quarter note is over."""
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
