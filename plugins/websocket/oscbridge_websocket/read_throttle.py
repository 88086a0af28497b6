"""Limits how fast data from one client is parsed: in slices, and at a frame rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import oscbridge

__all__ = ["SLICE", "ReadThrottle"]

SLICE: Final = 8_192
"""Bytes of one client that are parsed before other tasks get their turn."""


class ReadThrottle:
    """Sits between a transport and its parser.

    One read returns up to 256 KiB, which may be 40,000 frames. The library would parse all of
    them, and answer every ping among them, before anything else can run.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        rate: int,
        feed: Callable[[bytes], int],
        on_throttled: Callable[[], None],
    ) -> None:
        """``rate`` is in frames per second. ``feed`` parses bytes and returns the number of
        frames that they complete. ``on_throttled`` is called once at most."""
        self._transport = transport
        self._bucket = oscbridge.TokenBucket(rate)
        self._feed = feed
        self._on_throttled: Callable[[], None] | None = on_throttled
        self._on_parsed: Callable[[], None] | None = None
        self._unparsed = b""
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False

    def receive(self, data: bytes) -> None:
        """Take data from the transport and parse it in turn."""
        self._unparsed += data
        if self._timer is None and not self._paused:
            self._parse()

    def pause(self) -> None:
        """Stop reading until :meth:`resume`: the receive queue is full."""
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read again after :meth:`pause`."""
        self._paused = False
        if self._timer is None:
            self._schedule()

    @property
    def has_data(self) -> bool:
        """Whether received data is not parsed yet."""
        return bool(self._unparsed)

    def call_when_parsed(self, callback: Callable[[], None]) -> None:
        """Call once all remaining data is parsed, at the rate: the peer sends no more."""
        self._on_parsed = callback

    def discard(self) -> bytes:
        """Drop the callbacks, and return the data that is not parsed: the connection is gone.

        Without the callbacks there is no reference cycle, so the connection and its buffers are
        freed without the garbage collector.
        """
        unparsed, self._unparsed = self._unparsed, b""
        self._feed, self._on_throttled, self._on_parsed = _ignore, None, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return unparsed

    def _parse(self) -> None:
        self._timer = None
        data, self._unparsed = self._unparsed[:SLICE], self._unparsed[SLICE:]
        wait = self._bucket.take(self._feed(data)) if data else 0.0
        if wait and self._on_throttled is not None:
            self._on_throttled()
            self._on_throttled = None
        if self._on_parsed is not None and not self._unparsed:
            self._on_parsed()
        elif not self._paused:
            self._schedule()

    def _schedule(self) -> None:
        wait = self._bucket.take(0)
        if self._unparsed or wait:
            self._transport.pause_reading()
            self._timer = asyncio.get_running_loop().call_later(wait, self._parse)
        else:
            self._transport.resume_reading()


def _ignore(_data: bytes) -> int:
    return 0
