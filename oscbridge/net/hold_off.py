"""A socket that is not read for a moment, so that more datagrams are read at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from oscbridge.net.direct_readers import add_reader, remove_reader
from oscbridge.net.udp_receive import BATCH

__all__ = ["HoldOff"]

PERIOD: Final = 0.002
"""Seconds for which a socket is not read."""

MARGIN: Final = 0.001
"""Seconds before somebody needs new datagrams that it is read again."""


class HoldOff:
    """Removes the reader of a socket for a moment while nobody needs new datagrams.

    At thousands of messages per second most of the cost is waking up for each of them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._socket = sock
        self._timer: asyncio.TimerHandle | None = None
        self._read_at = 0.0

    def begin(self, read: Callable[[], None], patience: Callable[[], float], count: int) -> None:
        """Begin, after ``count`` datagrams were read; not if they are rare, or more are waiting.

        ``read`` is the reader, called again at the end; ``patience`` returns the seconds for which
        nobody needs new datagrams.
        """
        now, before = self._loop.time(), self._read_at
        self._read_at = now
        if count >= BATCH or (count <= 1 and now - before > PERIOD):
            return
        seconds = min(patience() - MARGIN, PERIOD)
        if seconds > 0:
            remove_reader(self._loop, self._socket)
            self._timer = self._loop.call_at(now + seconds, self._end, read)

    def _end(self, read: Callable[[], None]) -> None:
        self._timer = None
        add_reader(self._loop, self._socket, read)
        read()

    def end(self) -> bool:
        """End without a reader. Whether there may be datagrams that would have been read."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None
