"""Joins the two halves of a 14-bit value, whichever arrives first. Pure.

MIDI 1.0 sends the upper half first. Some controllers send the lower half first, some only the one
that has changed. The order is learnt from the pairs that arrive, and forgotten when a lower half
stays alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["HalvesJoiner", "JoinedValue", "Parts"]

Parts: TypeAlias = Literal["hl", "lh", "h", "l"]
"""Which halves were received for a value, in order."""


class JoinedValue(NamedTuple):
    """A value of 14 bits."""

    value: int
    parts: Parts


class HalvesJoiner:
    """The halves of one controller or parameter."""

    def __init__(self) -> None:
        self._high: int | None = None
        """An upper half that waits for its lower one."""
        self._low: int | None = None
        """A lower half that waits for its upper one."""
        self._last_high: int | None = None
        self._last_low = 0
        self._order: Parts | None = None
        """``hl`` or ``lh``; None while it is unknown."""

    @property
    def is_waiting(self) -> bool:
        """Whether a half waits for the other one."""
        return self._high is not None or self._low is not None

    @property
    def waiting_low(self) -> int | None:
        """A lower half that waits, and belongs to no known upper one."""
        return self._low if self._last_high is None else None

    def reset(self) -> None:
        """Forget the values, but not the order: they belong to another parameter from now on."""
        self._high = self._low = self._last_high = None
        self._last_low = 0

    def take_high(self, value: int) -> Iterator[JoinedValue]:
        """Take an upper half. Yields the values that are complete now."""
        if self._low is not None:
            low, self._low = self._low, None
            yield self._join(value, low, "lh")
        elif self._order == "lh":
            yield self._keep(value, self._last_low, "h")
        else:
            yield from self._end_high()
            self._high = value

    def take_low(self, value: int) -> Iterator[JoinedValue]:
        """Take a lower half. Yields the values that are complete now."""
        if self._high is not None:
            high, self._high = self._high, None
            yield self._join(high, value, "hl")
        elif self._order == "hl" and self._last_high is not None:
            yield self._keep(self._last_high, value, "l")
        else:
            yield from self._end_low()
            self._low = value

    def flush(self) -> Iterator[JoinedValue]:
        """Yields the value of a half whose other half is missing.

        A lower half without any upper half is not a value: see :attr:`waiting_low`.
        """
        yield from self._end_high()
        yield from self._end_low()
        self._low = None

    def _end_high(self) -> Iterator[JoinedValue]:
        if self._high is not None:
            high, self._high = self._high, None
            yield self._keep(high, 0, "h")

    def _end_low(self) -> Iterator[JoinedValue]:
        if self._low is not None:
            self._order = None
        if self._low is not None and self._last_high is not None:
            low, self._low = self._low, None
            yield self._keep(self._last_high, low, "l")

    def _join(self, high: int, low: int, parts: Parts) -> JoinedValue:
        self._order = parts
        return self._keep(high, low, parts)

    def _keep(self, high: int, low: int, parts: Parts) -> JoinedValue:
        self._last_high, self._last_low = high, low
        return JoinedValue(high << 7 | low, parts)
