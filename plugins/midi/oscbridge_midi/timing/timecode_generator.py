"""Generates MIDI time code: quarter frames while it runs, full frames when it is located. Pure."""

from __future__ import annotations

from typing import Final

from oscbridge_midi.timing.timecode import Timecode

__all__ = ["FREEWHEEL", "TimecodeGenerator"]

FREEWHEEL: Final = 0.5
"""Seconds for which it keeps running without a position, while it follows positions."""

MAX_DEVIATION: Final = 1.5
"""Frames by which a followed position may differ; above that it is located there."""

SHARE: Final = 0.1
"""The part of a smaller deviation that is corrected at each position."""

MAX_LATE: Final = 1.0
"""Seconds by which a quarter frame may be late, e.g. after the machine slept; then it stops."""


class TimecodeGenerator:
    """The position, and when the next quarter frame is due. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._start = Timecode(0, 0, 0, 0, 1)
        """The position of the first quarter frame."""
        self._began = 0.0
        self._direction = 0
        self._count = 0
        """Quarter frames since then."""
        self._until: float | None = None
        """When it stops unless a position follows; None if it runs until it is stopped."""

    @property
    def due(self) -> float | None:
        """When the next message is due; None while it is stopped."""
        if not self._direction:
            return None
        offset = self._count + (self._direction < 0)
        return self._began + offset * self._start.frame_time / 4

    def position(self, now: float) -> Timecode:
        """Where it is."""
        frames = int((now - self._began) / self._start.frame_time) if self._direction else 0
        return self._start.plus(self._direction * max(0, frames))

    def locate(self, where: Timecode, now: float) -> list[bytes]:
        """Go to a position, and keep running if it runs."""
        self._begin(where, self._direction, now)
        return [where.full_frame()]

    def run(self, now: float, direction: int = 1) -> list[bytes]:
        """Run from here, until it is stopped."""
        self._begin(self.position(now), direction, now)
        self._until = None
        return []

    def stop(self, now: float) -> list[bytes]:
        """Stop, and say where."""
        where = self.position(now)
        self._begin(where, 0, now)
        return [where.full_frame()]

    def follow(self, where: Timecode, direction: int, now: float) -> list[bytes]:
        """Run at this position, for as long as positions follow."""
        self._until = now + FREEWHEEL
        if direction == self._direction and where.rate == self._start.rate:
            elapsed = (now - self._began) / self._start.frame_time
            error = (where.number - self._start.number) * direction - elapsed
            if abs(error) <= MAX_DEVIATION:
                self._began -= SHARE * error * self._start.frame_time
                return []
        self._begin(where, direction, now)
        return [where.full_frame()]

    def tick(self, now: float) -> list[bytes]:
        """The quarter frame that is due."""
        due = self.due
        assert due is not None
        if now - due > MAX_LATE or (self._until is not None and now > self._until):
            return self.stop(now)
        pair, piece = divmod(self._count, 8)
        self._count += 1
        if self._direction > 0:
            return [self._start.plus(2 * pair).quarter_frame(piece)]
        return [self._start.plus(-2 * (pair + 1)).quarter_frame(7 - piece)]

    def _begin(self, where: Timecode, direction: int, now: float) -> None:
        self._start, self._direction, self._began, self._count = where, direction, now, 0
