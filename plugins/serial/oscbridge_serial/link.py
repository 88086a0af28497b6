"""An open serial port."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import serialx

import oscbridge
from oscbridge_serial.codec import Codec

__all__ = ["SerialLink"]

AT_ONCE: Final = 64
"""Frames that are taken before other tasks run. Meanwhile the port is not read, so a device that
sends more has to wait, or its driver drops bytes."""

OnFrame = Callable[[bytes], None]
OnBad = Callable[[oscbridge.DecodeError], None]


class SerialLink(asyncio.Protocol):
    """Cuts the bytes of a device into frames, and writes to it."""

    def __init__(
        self,
        codec: Codec,
        on_frame: OnFrame,
        on_bad: OnBad,
        on_lost: Callable[[Exception | None], None],
    ) -> None:
        self.codec = codec
        self._on_frame = on_frame
        self._on_bad = on_bad
        self._on_lost = on_lost
        self._opening: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._frames: deque[bytes] = deque()
        self._rest = b""
        """The beginning of a frame."""
        self._is_skipping = False
        """Whether the current frame is too long, and skipped up to its end."""
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._is_closing = False
        """Whether the port is closed on purpose."""

    async def open(self, path: str, baud_rate: int) -> None:
        """Open the port. Raises ``OSError`` or ``serialx.SerialException``."""
        # A task, so that close() can end it, whatever has ended this call.
        self._opening = asyncio.create_task(self._open(path, baud_rate))
        await self._opening

    async def _open(self, path: str, baud_rate: int) -> None:
        loop = asyncio.get_running_loop()
        await serialx.create_serial_connection(loop, lambda: self, path, baudrate=baud_rate)

    async def write(self, data: bytes) -> None:
        """Write, and wait until the system has all of it. Raises ``NotConnected``."""
        if self._transport is None or self._transport.is_closing():
            raise oscbridge.NotConnected("the port is closed")
        self._transport.write(data)
        await self._writable.wait()
        if self._transport.is_closing():
            raise oscbridge.NotConnected("the port was closed")

    async def close(self) -> None:
        """Close the port; what the system has not taken yet is discarded."""
        self._is_closing = True
        if self._opening is not None and not self._opening.done():
            self._opening.cancel()
            await asyncio.wait([self._opening])
        if self._transport is not None:
            self._transport.abort()
            await self._closed.wait()

    # --- called by the transport -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # it says when all is written

    def connection_lost(self, exc: Exception | None) -> None:
        while self._frames:  # at most those of one read
            self._on_frame(self._frames.popleft())
        if self._rest:
            self._on_bad(oscbridge.DecodeError("truncated", "the port was closed within a frame"))
        self._closed.set()
        self._writable.set()
        if not self._is_closing:
            self._on_lost(exc)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        *frames, self._rest = (self._rest + data).split(self.codec.end)
        if frames and self._is_skipping:
            self._is_skipping = False
            del frames[0]
        if self._is_skipping:
            self._rest = b""
        elif len(self._rest) > 2 * self.codec.max_packet_size:  # SLIP may double its size
            self._is_skipping, self._rest = True, b""
            self._on_bad(_too_long(self.codec.max_packet_size))
        self._frames += frames
        self._take()

    def _take(self) -> None:
        """Take some frames, and read on when there are no more."""
        transport, frames = self._transport, self._frames
        for _ in range(min(AT_ONCE, len(frames))):
            self._on_frame(frames.popleft())
        if transport is None or transport.is_closing():
            return
        if frames:
            transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._take)
        else:
            transport.resume_reading()


def _too_long(limit: int) -> oscbridge.LimitError:
    text = f"more bytes without an end than max_packet_size = {limit} allows"
    return oscbridge.LimitError("max_packet_size", text)
