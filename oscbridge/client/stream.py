"""Base of the TCP clients: the framing of their connection, both ways."""

from __future__ import annotations

import socket
from collections.abc import Callable

from oscbridge.client.base import DEFAULT_TIMEOUT, BaseClient
from oscbridge.errors import DecodeError
from oscbridge.osc.framing import stream_decoder, stream_encoder
from oscbridge.osc.limits import MAX_PACKET_SIZE

__all__ = ["ServerStream", "StreamClient"]


class ServerStream:
    """Decodes and encodes the stream of one connection to a server.

    ``report_bad`` is called with the error of a packet that the end of the stream truncates.
    Raises ``ValueError`` for a ``mode`` other than "1.0" and "1.1".
    """

    def __init__(
        self, mode: str, max_packet_size: int, report_bad: Callable[[DecodeError], None]
    ) -> None:
        if mode not in ("1.0", "1.1"):
            choice = '"1.0" (length prefix) or "1.1" (SLIP)'
            raise ValueError(f"the mode of a client must be {choice}, got {mode!r}")
        self.encode = stream_encoder(mode)
        self.ended = False
        self._framing = stream_decoder(mode, max_packet_size)
        self._report_bad = report_bad

    def check(self) -> None:
        """Raise the error of the stream, a :class:`DecodeError`, if there is one. Only once."""
        if self._framing.error is not None and not self.ended:
            self.ended = True
            raise self._framing.error

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes, none at the end of the stream; return the completed packets."""
        if data:
            packets = self._framing.feed(data)
            if not packets:
                self.check()
            return packets
        self.ended = True
        cut = self._framing.cut()
        if cut is not None:
            self._report_bad(cut)
        return []


class StreamClient(BaseClient):
    """A client of one TCP server.

    With the ``family`` AF_INET, IPv4 is preferred; AF_INET6 permits no other. ``timeout``, in
    seconds, applies to connecting, to sending, and to calls without their own; None waits without
    a limit. Raises ``ValueError`` for an unknown ``mode``.
    """

    max_packet_size = MAX_PACKET_SIZE
    """Bytes of the largest packet that is accepted from the server. To be overridden."""

    def __init__(
        self,
        address: str,
        port: int,
        family: socket.AddressFamily = socket.AF_INET,
        mode: str = "1.1",
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        super().__init__((address, port), timeout)
        self.address = address
        self.port = port
        self.family = family
        self.mode = mode
        self._stream = self._new_stream()
        self._open()

    @property
    def _allowed_family(self) -> socket.AddressFamily:
        """The family of the addresses to try: a host may have only an IPv6 address."""
        return socket.AF_UNSPEC if self.family == socket.AF_INET else self.family

    def _open(self) -> None:
        """Called by the constructor."""

    def _new_stream(self) -> ServerStream:
        return ServerStream(self.mode, self.max_packet_size, self._report_bad)
