"""The wire to one client: its transport, with a time-out for the next expected data."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.tcp_socket import discard_received, prepare_tcp_socket

__all__ = ["ClientWire"]

LOOK_INTERVAL: Final = 0.02
"""Seconds between looks at what TLS has not sent yet."""

_UNKNOWN: Final[ClientAddress] = ("", 0)


class ClientWire:
    """A transport that may be replaced by that of TLS, and may be gone. All calls are harmless."""

    def __init__(self, on_late: Callable[[str], None], give_way: Callable[[], None]) -> None:
        """``on_late`` is called with the reason of :meth:`watch`.

        ``give_way`` closes the connection immediately, with what is to be said to its client.
        """
        self._loop = asyncio.get_running_loop()
        self._on_late = on_late
        self.give_way = give_way
        self._transport: asyncio.Transport | None = None
        self._below_tls: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.is_secure = False
        """Whether it uses TLS."""
        self.is_aborted = False
        self.client = _UNKNOWN
        """The address of the client."""
        self.local_address = ""
        """The IP address at which the connection arrived."""
        self.is_idle = False
        """Whether the server waits for a further request; false before the first one."""
        self.reading_since: float | None = None
        """Since when the server waits for a request or its body, in loop time; None while it
        answers."""
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is closed."""

    def open(self, transport: asyncio.BaseTransport) -> asyncio.Transport:
        """Use the transport of a new connection."""
        self._transport = found = cast(asyncio.Transport, transport)
        self.client = found.get_extra_info("peername") or _UNKNOWN
        self.local_address = (found.get_extra_info("sockname") or _UNKNOWN)[0]
        prepare_tcp_socket(found.get_extra_info("socket"))
        found.set_write_buffer_limits(high=0)  # so that all that the client does not read counts
        return found

    def secure(self, transport: asyncio.Transport) -> None:
        """Use the transport of TLS on top of the current one."""
        self._below_tls, self._transport = self._transport, transport
        self.is_secure = True
        transport.set_write_buffer_limits(high=1)  # that of TLS pauses at the limit, not above it

    @property
    def is_open(self) -> bool:
        """Whether data can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send data, without flow control."""
        if self._transport is not None and self.is_open:
            self._transport.write(data)

    async def wait_sent(self, timeout: float) -> bool:
        """Wait until TLS has sent everything. Returns whether it did within ``timeout`` seconds.

        Without TLS the transport itself reports that. That of TLS passes everything on, and
        reports nothing, so this looks again and again.
        """
        end = self._loop.time() + timeout
        while self.is_open and self._below_tls is not None:
            if not self._below_tls.get_write_buffer_size():
                break
            if self._loop.time() >= end:
                return False
            await self.sleep(LOOK_INTERVAL)
        return True

    def finish(self) -> None:
        """Announce that nothing more will be sent, if possible, and read what the client sends."""
        if self._transport is not None and self.is_open and self._transport.can_write_eof():
            with suppress(OSError):  # the client has just disconnected
                self._transport.write_eof()
        self.resume()

    def now_reading(self) -> None:
        """The server waits for a request or its body."""
        self.reading_since = self._loop.time()

    def pause(self) -> None:
        """Read nothing."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self.is_open:
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close the connection immediately."""
        self.is_aborted = True
        self.unwatch()
        if self._transport is not None:
            self._transport.abort()

    def close_with(self, data: bytes) -> None:
        """Close the connection immediately, after as much data as the system takes at once."""
        if data and self._transport is not None:
            discard_received(self._transport.get_extra_info("socket").fileno())
            self.write(data)
        self.abort()

    def lost(self) -> None:
        """The connection is closed."""
        self.unwatch()
        self._transport = self._below_tls = None
        if not self.closed.done():
            self.closed.set_result(None)

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait([self.closed])

    async def sleep(self, seconds: float) -> None:
        """Wait; return early if the connection is closed."""
        await asyncio.wait([self.closed], timeout=seconds)

    # --- the time-out -------------------------------------------------------------------------

    def watch(self, reason: str, seconds: float) -> None:
        """Set the time-out. There is one at a time."""
        self.unwatch()
        self._timer = self._loop.call_later(seconds, self._on_late, reason)

    def unwatch(self) -> None:
        """Clear the time-out."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
