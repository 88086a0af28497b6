"""The tempo of a MIDI clock. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["TICKS", "ClockTempo"]

TICKS: Final = 24
"""Clock ticks per quarter note (MIDI 1.0)."""

PAUSE: Final = 1.0
"""Seconds without a tick after which measuring restarts: 2.5 beats per minute."""


class ClockTempo:
    """Measures beats per minute, once per quarter note.

    The filter is a line, fitted by least squares through the times of the 25 ticks around that
    quarter note: when each tick is late by some random time, the tempo varies half as much as
    with the first and the last tick alone. A quarter note shares one tick with the next one, so a
    new tempo is exact after at most two.
    """

    def __init__(self) -> None:
        self._times: list[float] = []

    def tick(self, seconds: float) -> float | None:
        """Take a tick at a time in seconds. Returns the tempo at the end of a quarter note."""
        times = self._times
        if times and abs(seconds - times[-1]) > PAUSE:
            times.clear()
        times.append(seconds)
        if len(times) <= TICKS:
            return None
        interval = _slope(times)
        self._times = [seconds]
        return round(60 / (interval * TICKS), 2) if interval > 0 else None


def _slope(times: list[float]) -> float:
    """Seconds per tick, of the line that is nearest to the times."""
    middle = (len(times) - 1) / 2
    total = sum((index - middle) * (each - times[0]) for index, each in enumerate(times))
    return total / sum((index - middle) ** 2 for index in range(len(times)))
