"""How fast what a client sends is read: a slice at a time, and no faster than a rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from oscbridge_websocket.rate import Bucket

__all__ = ["SLICE", "Pace"]

SLICE: Final = 8_192
"""Bytes from one client that are looked at before others have their turn."""


class Pace:
    """Stands between a transport and what reads from it.

    What is read at once, a quarter of a megabyte, may be 40,000 frames: the library looks at
    all of them before anything else runs, and answers each ping.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        rate: int,
        feed: Callable[[bytes], int],
        on_slow: Callable[[], None],
    ) -> None:
        """``feed`` takes some bytes and returns how many frames ended with them."""
        self._transport = transport
        self._bucket = Bucket(rate)
        self._feed = feed
        self._on_slow: Callable[[], None] | None = on_slow
        self._rest = b""
        self._timer: asyncio.TimerHandle | None = None
        self._held = False

    def put(self, data: bytes) -> None:
        """Hand on what has come, in its turn."""
        self._rest += data
        if self._timer is None and not self._held:
            self._go_on()

    def hold(self) -> None:
        """Read nothing until :meth:`release`: there is no room for it."""
        self._held = True
        self._transport.pause_reading()

    def release(self) -> None:
        """Read on after :meth:`hold`."""
        self._held = False
        if self._timer is None:
            self._read_on()

    def finish(self) -> None:
        """Hand on what is left at once: nothing more comes."""
        rest, self._rest = self._rest, b""
        self._cancel()
        if rest:
            self._feed(rest)

    def drop(self) -> None:
        """Forget what is left, and who reads it: the connection is gone.

        It can be freed at once then, with its buffers, and waits for no garbage collector.
        """
        self._rest = b""
        self._cancel()
        self._feed, self._on_slow = _nobody, None

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._timer = None
        data, self._rest = self._rest[:SLICE], self._rest[SLICE:]
        wait = self._bucket.take(self._feed(data)) if data else 0.0
        if wait and self._on_slow is not None:
            self._on_slow()
            self._on_slow = None
        if not self._held:
            self._read_on()

    def _read_on(self) -> None:
        wait = self._bucket.take(0)
        if self._rest or wait:
            self._transport.pause_reading()
            self._timer = asyncio.get_running_loop().call_later(wait, self._go_on)
        else:
            self._transport.resume_reading()


def _nobody(_data: bytes) -> int:
    return 0
