"""A universe that is sent: its levels, and when the next packet is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from oscbridge_dmx.frame import SLOTS

__all__ = ["KEEPALIVE", "MAX_FRAME_RATE", "REPEATS", "OutputUniverse"]

MAX_FRAME_RATE: Final = 44.0
"""Packets per second of a whole universe on a DMX512 cable (E1.31, 6.6.1)."""

KEEPALIVE: Final = 0.8
"""Seconds between packets that repeat unchanged levels: 0.8 to 1 (E1.31, 6.6.2; Art-Net 4)."""

REPEATS: Final = 2
"""Packets after a change that repeat it at once, in case one is lost (E1.31, 6.6.2)."""


class OutputUniverse:
    """Calls ``send`` with itself whenever a packet is due, from the first change on."""

    def __init__(
        self,
        number: int,
        frame_rate: float,
        send: Callable[[OutputUniverse], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.number = number
        self.frame_rate = frame_rate
        self.levels = bytearray(SLOTS)
        self.sequence = 0
        self._send = send
        self._loop = loop
        self._unsent: set[int] = set()
        """Slots with levels that were not sent yet."""
        self._sent_at = float("-inf")
        self._repeats = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, channel: int, levels: bytes) -> bool:
        """Set levels from a channel on. Returns whether that replaces some that were not sent."""
        slots = slice(channel - 1, channel - 1 + len(levels))
        if self.levels[slots] == levels:
            return False
        self.levels[slots] = levels
        self._repeats = REPEATS
        changed = range(slots.start, slots.stop)
        replaces = not self._unsent.isdisjoint(changed)
        self._unsent.update(changed)
        return replaces

    @property
    def needs_flush(self) -> bool:
        """Whether something was written since the last packet, or there was none."""
        return bool(self._unsent) or self._timer is None

    def flush(self) -> None:
        """Send the levels: now, or as soon as the rate allows it."""
        due = self._sent_at + 1 / self.frame_rate
        if due <= self._loop.time():
            self._fire()
        elif self._timer is None or self._timer.when() > due:
            self._schedule(due)

    def stop(self) -> None:
        """Send nothing more before the next :meth:`flush`, but levels that were not sent yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsent:
            self._send(self)
            self._unsent.clear()

    def _fire(self) -> None:
        self._send(self)
        self._unsent.clear()
        self._sent_at = self._loop.time()
        wait = 0.0 if self._repeats else KEEPALIVE
        self._repeats = max(0, self._repeats - 1)
        self._schedule(self._sent_at + max(wait, 1 / self.frame_rate))

    def _schedule(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._fire)
