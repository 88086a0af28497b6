"""Positions of MIDI time code, and their arithmetic. Pure.

MIDI Time Code (RP-004/008): 24, 25 and 30 frames per second, and 29.97 with drop frame, which
leaves out the frames 0 and 1 of each minute that is not a multiple of ten.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["RATES", "Timecode", "rate_code"]

RATES: Final = (24.0, 25.0, 29.97, 30.0)
"""Frames per second, by the code of the rate."""

_NOMINAL: Final = (24, 25, 30, 30)
"""Frames that are counted per second."""

_DROP: Final = 2
"""The code of the rate with drop frame."""

_DURATIONS: Final = (1 / 24, 1 / 25, 1001 / 30_000, 1 / 30)
"""Seconds per frame."""

_PER_TEN_MINUTES: Final = 17_982
_PER_MINUTE: Final = 1_798
"""Frames with drop frame."""


def rate_code(rate: float) -> int | None:
    """The code of a rate in frames per second; None if it is not one of :data:`RATES`."""
    return next((code for code, each in enumerate(RATES) if abs(each - rate) < 0.01), None)


class Timecode(NamedTuple):
    """A position. ``rate`` is the code of the rate."""

    hours: int
    minutes: int
    seconds: int
    frames: int
    rate: int

    @property
    def is_valid(self) -> bool:
        """Whether it exists."""
        h, m, s, f, rate = self
        if not (0 <= h < 24 and 0 <= m < 60 and 0 <= s < 60 and 0 <= f < _NOMINAL[rate]):
            return False
        return not (rate == _DROP and f < 2 and s == 0 and m % 10)

    @property
    def frame_time(self) -> float:
        """Seconds per frame."""
        return _DURATIONS[self.rate]

    @property
    def number(self) -> int:
        """The frames since midnight."""
        minutes = self.hours * 60 + self.minutes
        number = (minutes * 60 + self.seconds) * _NOMINAL[self.rate] + self.frames
        if self.rate == _DROP:
            number -= 2 * (minutes - minutes // 10)
        return number

    def plus(self, frames: int) -> Timecode:
        """The position some frames later; after 24 hours it begins again."""
        nominal = _NOMINAL[self.rate]
        if self.rate == _DROP:
            number = (self.number + frames) % (144 * _PER_TEN_MINUTES)
            tens, rest = divmod(number, _PER_TEN_MINUTES)
            number += 18 * tens + 2 * ((rest - 2) // _PER_MINUTE if rest >= 2 else 0)
        else:
            number = (self.number + frames) % (86_400 * nominal)
        seconds, frame = divmod(number, nominal)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        return Timecode(hour, minute, second, frame, self.rate)

    def full_frame(self) -> bytes:
        """The message that locates receivers at this position."""
        first = self.rate << 5 | self.hours
        return bytes((0xF0, 0x7F, 0x7F, 1, 1, first, *self[1:4], 0xF7))

    def quarter_frame(self, piece: int) -> bytes:
        """One of the eight messages, 0 to 7, that contain this position."""
        number = (self.frames, self.seconds, self.minutes, self.hours)[piece // 2]
        nibble = number >> 4 if piece % 2 else number & 15
        if piece == 7:
            nibble |= self.rate << 1
        return bytes((0xF1, piece << 4 | nibble))
