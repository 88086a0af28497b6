"""What a server sends to a TCP client: bytes in, packets out, up to an end or a fault."""

from __future__ import annotations

from collections.abc import Callable

from oscbridge.errors import DecodeError
from oscbridge.osc.framing import decoder_for, encoder_for

__all__ = ["ServerStream"]


class ServerStream:
    """The framing of one connection, both ways.

    ``report_bad`` is told of a packet that the end of the stream cuts off. Raises
    ``ValueError`` for a ``mode`` that is none for a client.
    """

    def __init__(self, mode: str, limit: int, report_bad: Callable[[DecodeError], None]) -> None:
        if mode not in ("1.0", "1.1"):
            choice = '"1.0" (length prefix) or "1.1" (SLIP)'
            raise ValueError(f"a client speaks first: its mode is {choice}, not {mode!r}")
        self.encode = encoder_for(mode)
        self.ended = False
        self._framing = decoder_for(mode, limit)
        self._report_bad = report_bad

    def check(self) -> None:
        """Raise what is wrong with the stream, a :class:`DecodeError`, once."""
        if self._framing.error is not None and not self.ended:
            self.ended = True
            raise self._framing.error

    def feed(self, data: bytes) -> list[bytes]:
        """Take what was read, nothing at the end; the packets that it completes."""
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
