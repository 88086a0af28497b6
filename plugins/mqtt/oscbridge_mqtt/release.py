"""Messages with QoS 2 that an older connection has left half delivered in a session.

The broker keeps them until it is told to let them go (PUBREL), and each takes the place of
one that may be on its way: in a session that outlives connections soon none is left.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["EVERY", "Release"]

EVERY: Final = range(1, 0x10000)
"""All numbers that messages can have: those of a bridge that was killed are not known."""

PUBREL: Final = 0x62
"""The first byte of that packet (MQTT 5.0, section 3.6)."""

_PACKET: Final = struct.Struct(">BBH")


class Release:
    """Lets messages go that nobody waits for any more, known by their numbers."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._left = set(numbers)
        self._over = asyncio.Event()

    def packets(self) -> Sequence[bytes]:
        """What is sent to the broker."""
        return [_PACKET.pack(PUBREL, 2, number) for number in sorted(self._left)]

    def completed(self, number: int) -> bool:
        """The broker has let one go, or had none. False if it is none of these."""
        if number not in self._left:
            return False
        self._left.remove(number)
        if not self._left:
            self._over.set()
        return True

    def stop(self) -> None:
        """The connection is gone: there is nothing to wait for."""
        self._over.set()

    async def wait(self) -> None:
        """Until all are gone, or the connection is."""
        await self._over.wait()
