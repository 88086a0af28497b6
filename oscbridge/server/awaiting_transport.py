"""Datagrams on an event loop that watches no sockets: that of Windows."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_receive import MAX_DATAGRAM, is_about_sent

__all__ = ["AwaitingTransport"]

ERROR_WAIT: Final = 0.002
"""Seconds between attempts to read a socket that reports errors."""


class AwaitingTransport(asyncio.DatagramTransport):
    """A datagram transport that awaits each datagram.

    That of asyncio reads nothing more after the error of an earlier datagram, e.g. a reply to a
    port at which nothing listens, with some versions of Python.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: asyncio.DatagramProtocol,
    ) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self._loop = loop
        self._socket = sock
        self._protocol = protocol
        protocol.connection_made(self)
        self._reading = loop.create_task(self._read())
        self._reading.add_done_callback(self._closed)

    async def _read(self) -> None:
        while True:
            try:
                data, client = await self._loop.sock_recvfrom(self._socket, MAX_DATAGRAM)
            except OSError as error:
                if not is_about_sent(error):
                    raise
                self._protocol.error_received(error)
                await asyncio.sleep(ERROR_WAIT)
            else:
                self._loop.call_soon(self._protocol.datagram_received, data, client)

    def sendto(self, data: bytes, addr: ClientAddress | None = None) -> None:  # type: ignore[override]
        """Send a datagram at once. Raises ``OSError``."""
        if addr is None:
            raise ValueError("the socket of a server is not connected; an address is required")
        self._socket.sendto(data, addr)

    def is_closing(self) -> bool:
        return self._reading.cancelling() > 0 or self._reading.done()

    def close(self) -> None:
        """Stop serving and close the socket."""
        if not self.is_closing():
            self._reading.cancel()

    abort = close

    def _closed(self, reading: asyncio.Task[None]) -> None:
        self._socket.close()
        error = None if reading.cancelled() else reading.exception()
        self._protocol.connection_lost(error if isinstance(error, Exception) else None)
