"""Remembers the messages that a program has lately sent to itself, and their hops."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from zlib import crc32

from oscbridge.errors import EncodeError
from oscbridge.osc import Message, encode_message

__all__ = ["RecentHops", "digest_of"]

MAX_RECENT: Final = 10_000
"""Different messages that are remembered; above it the oldest is forgotten."""

REPEAT_TIME: Final = 1.0
"""Seconds within which equal messages from one port count as one: the hops are the most."""


def digest_of(message: Message) -> int:
    """A number for the content of a message, the same in every process."""
    try:
        return crc32(encode_message(message))
    except EncodeError:
        return 0  # it cannot be sent either


class RecentHops:
    """By the port that they were sent from and their content. Any thread may read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._recent: OrderedDict[tuple[int, int], tuple[float, int]] = OrderedDict()

    def add(self, port: int, digest: int, hops: int) -> None:
        """A message that came through ``hops`` endpoints is sent from a port."""
        key, now, recent = (port, digest), self._clock(), self._recent
        before = recent.pop(key, None)
        if before is not None and now - before[0] <= REPEAT_TIME:
            hops = max(hops, before[1])
        recent[key] = now, hops
        if len(recent) > MAX_RECENT:
            recent.popitem(last=False)

    def get(self, port: int, digest: int) -> int:
        """The hops of a message that arrives from a port; 0 if it was not sent here."""
        found = self._recent.get((port, digest))
        return 0 if found is None else found[1]
