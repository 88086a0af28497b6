"""Completes the QoS 2 deliveries that an earlier connection of the same session left pending.

The broker keeps them until it gets a PUBREL packet for each, and counts them as messages in
flight: in a session that outlives connections soon no more would be accepted. Only the packet
identifiers matter.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from typing import Final

__all__ = ["ALL_IDENTIFIERS", "PendingRelease"]

ALL_IDENTIFIERS: Final = range(1, 0x10000)
"""Every packet identifier: those that a killed process used are unknown."""

PUBREL: Final = 0x62
"""The first byte of that packet (MQTT 5.0, section 3.6)."""

_PACKET: Final = struct.Struct(">BBH")


class PendingRelease:
    """Releases packet identifiers, and waits for the broker's answers."""

    def __init__(self, identifiers: Iterable[int]) -> None:
        self._pending = set(identifiers)
        self._is_over = asyncio.Event()

    def packets(self) -> bytes:
        """The PUBREL packets to send."""
        return b"".join([_PACKET.pack(PUBREL, 2, mid) for mid in sorted(self._pending)])

    def completed(self, mid: int) -> None:
        """The broker answered with PUBCOMP."""
        self._pending.discard(mid)
        if not self._pending:
            self._is_over.set()

    def cancel(self) -> None:
        """The connection is lost: end :meth:`wait`."""
        self._is_over.set()

    async def wait(self) -> None:
        """Wait until the broker has answered all, or the connection is lost."""
        await self._is_over.wait()
