"""The latest samples of a figure, one per second."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Final

__all__ = ["Samples"]

_DIGITS: Final = 6
"""Significant digits of a sample: they are kept as 32-bit floats."""


class Samples:
    """A ring of samples. Seconds are those of one clock, as integers."""

    __slots__ = ("_last", "_next", "_size", "_values")

    def __init__(self, size: int) -> None:
        """``size``: how many seconds are kept."""
        self._size = size
        self._values = array("f")
        self._next = 0
        """Where the next sample goes, once the ring is full."""
        self._last = -1

    @property
    def last(self) -> int:
        """The second of the latest sample; -1 if there is none."""
        return self._last

    def put(self, second: int, value: float, between: float | None = None) -> None:
        """Add the sample of a second; a further one replaces it.

        ``between`` is the value of the seconds since the sample before; None is that sample.
        """
        if second <= self._last:
            self._values[self._next - 1] = value
            return
        missing = second - self._last - 1 if self._last >= 0 else 0
        if missing:
            held = self._values[self._next - 1] if between is None else between
            for _ in range(min(missing, self._size)):
                self._push(held)
        self._push(value)
        self._last = second

    def _push(self, value: float) -> None:
        if len(self._values) < self._size:
            self._values.append(value)  # and _next stays 0: the latest is at -1
        else:
            self._values[self._next] = value
            self._next = (self._next + 1) % self._size

    def latest(self, second: int, count: int) -> Sequence[float | None]:
        """The samples of the ``count`` seconds up to ``second``, oldest first.

        After the latest sample its value is repeated; None is not known.
        """
        if self._last < 0:
            return [None] * count
        ordered = self._values[self._next :] + self._values[: self._next]
        ordered.extend([ordered[-1]] * min(max(second - self._last, 0), count))
        found = [_rounded(each) for each in ordered[-count:]]
        return [None] * (count - len(found)) + found


def _rounded(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
