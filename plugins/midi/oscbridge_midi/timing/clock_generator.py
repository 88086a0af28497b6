"""Generates a MIDI clock: 24 ticks per quarter note. Pure."""

from __future__ import annotations

from typing import Final

from oscbridge_midi.clock_tempo import TICKS

__all__ = ["MAX_TEMPO", "MIN_TEMPO", "ClockGenerator"]

MIN_TEMPO: Final = 5.0
MAX_TEMPO: Final = 1_000.0
"""Beats per minute."""

MAX_LATE: Final = 1.0
"""Seconds by which a tick may be late, e.g. after the machine slept; then the clock continues from
there, without a burst of ticks."""

_TICK: Final = b"\xf8"


class ClockGenerator:
    """The tempo, and when the next tick is due. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._interval = 0.0
        """Seconds between ticks; 0 while it is stopped."""
        self._due = 0.0

    @property
    def due(self) -> float | None:
        """When the next tick is due; None while it is stopped."""
        return self._due if self._interval else None

    def set_tempo(self, tempo: float, now: float) -> None:
        """Set beats per minute; 0 stops it.

        The part of the current interval that has passed stays passed: no tick comes too early or
        twice.
        """
        interval = 60 / tempo / TICKS if tempo else 0.0
        if interval and self._interval:
            self._due = now + max(0.0, self._due - now) * interval / self._interval
        else:
            self._due = now
        self._interval = interval

    def tick(self, now: float) -> list[bytes]:
        """The tick that is due."""
        start = now if now - self._due > MAX_LATE else self._due
        self._due = start + self._interval  # not from now: a late tick delays no other
        return [_TICK]
