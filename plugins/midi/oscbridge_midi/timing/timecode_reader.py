"""Assembles received MIDI time code. Pure.

Eight quarter frames contain the position at which the first of them was sent, so it is known two
frames later. From then on there is a position at each frame: at the pieces 0 and 4.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import oscbridge
from oscbridge_midi.timing.timecode import RATES, Timecode

__all__ = ["ADDRESS", "ReceivedTimecode", "TimecodeReader"]

ADDRESS: Final = "/timecode"

PAUSE: Final = 0.5
"""Seconds without a quarter frame after which a new position is assembled."""

_FULL_FRAME: Final = 10
"""The size of a full frame message in bytes."""


class ReceivedTimecode(NamedTuple):
    """A position, and how it moves."""

    timecode: Timecode
    direction: int
    """1 forward, -1 backward, 0 for a full frame: the position is a new one."""

    def message(self, timetag: oscbridge.TimeTag | None = None) -> oscbridge.Message:
        """``/timecode`` with hours, minutes, seconds, frames, rate and direction."""
        *numbers, rate = self.timecode
        args = (*numbers, RATES[rate], self.direction)
        return oscbridge.Message(ADDRESS, "iiiifi", args, timetag)


class TimecodeReader:
    """Takes the messages of one time code."""

    def __init__(self) -> None:
        self._nibbles = [0] * 8
        self._last = 0
        self._last_time = 0.0
        self._direction = 0
        self._run = 0
        """Pieces in sequence up to now."""
        self._whole: Timecode | None = None
        """The position of the last eight pieces."""

    @staticmethod
    def is_timecode(data: bytes) -> bool:
        """Whether a message is a quarter frame or a full frame."""
        if data[0] == 0xF1:
            return True
        is_sysex = data[0] == 0xF0 and len(data) == _FULL_FRAME
        return is_sysex and data[1] == 0x7F and data[3:5] == b"\x01\x01"

    def take(self, data: bytes, seconds: float) -> ReceivedTimecode | None:
        """Take a message, received at a time in seconds. Returns the position, if it is known."""
        if data[0] == 0xF1:
            return self._quarter(data[1] >> 4, data[1] & 15, seconds)
        self._run, self._whole = 0, None
        found = Timecode(data[5] & 31, data[6], data[7], data[8], data[5] >> 5 & 3)
        return ReceivedTimecode(found, 0) if found.is_valid else None

    def _quarter(self, piece: int, nibble: int, seconds: float) -> ReceivedTimecode | None:
        step = (piece - self._last) & 7
        direction = {1: 1, 7: -1}.get(step, 0)
        is_pause = abs(seconds - self._last_time) >= PAUSE  # a clock may be set back a little
        if not self._run or is_pause or not direction:
            self._run, self._direction, self._whole = 0, 0, None
        elif self._direction and direction != self._direction:
            self._run, self._whole = 1, None  # the last piece is the first one that way
        if self._run:
            self._direction = direction
        self._run += 1
        self._last, self._last_time = piece, seconds
        self._nibbles[piece] = nibble
        return self._forward(piece) if self._direction >= 0 else self._backward(piece)

    def _forward(self, piece: int) -> ReceivedTimecode | None:
        found = None
        if piece in (0, 4) and self._whole is not None:
            found = ReceivedTimecode(self._whole.plus(2 if piece == 0 else 3), 1)
        elif piece == 7 and self._run >= 8:
            self._whole = self._assembled()
        return found

    def _backward(self, piece: int) -> ReceivedTimecode | None:
        if piece == 0 and self._run >= 8:
            self._whole = self._assembled()
        if piece in (0, 4) and self._whole is not None:
            return ReceivedTimecode(self._whole.plus(0 if piece == 0 else -1), -1)
        return None

    def _assembled(self) -> Timecode | None:
        low_high = zip(self._nibbles[::2], self._nibbles[1::2], strict=True)
        frames, seconds, minutes, last = (low | high << 4 for low, high in low_high)
        found = Timecode(last & 31, minutes, seconds, frames & 31, last >> 5 & 3)
        return found if found.is_valid else None
