"""Completes the QoS 2 deliveries that an earlier connection of the same session left pending.

The broker keeps them until it gets a PUBREL packet for each, and counts them as messages in
flight: in a session that outlives connections soon no more would be accepted. Only the packet
identifiers matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["ALL_IDENTIFIERS", "PendingRelease"]

ALL_IDENTIFIERS: Final = range(1, 0x10000)
"""Every packet identifier: those that a killed process used are unknown."""


class PendingRelease:
    """Packet identifiers to release, and the broker's answers."""

    def __init__(self, identifiers: Iterable[int]) -> None:
        self._pending = set(identifiers)
        self._is_over = asyncio.Event()

    @property
    def pending(self) -> Sequence[int]:
        """The identifiers that the broker has not answered."""
        return sorted(self._pending)

    def completed(self, mid: int) -> bool:
        """The broker answered with PUBCOMP. Returns whether the identifier was pending."""
        if mid not in self._pending:
            return False
        self._pending.remove(mid)
        if not self._pending:
            self._is_over.set()
        return True

    def cancel(self) -> None:
        """The connection is lost: end :meth:`wait`."""
        self._is_over.set()

    async def wait(self) -> None:
        """Wait until the broker has answered all, or the connection is lost."""
        await self._is_over.wait()
