"""Counts and logs the datagrams that the kernel drops before a bridge can read them."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from typing import Final

from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.net.udp_drops import KernelDropCounter, receive_buffer
from oscbridge.net.udp_socket import RECEIVE_BUFFER

__all__ = ["KernelDrops"]

_log: Final = logging.getLogger(__name__)


class KernelDrops:
    """Adds the kernel's drops at one UDP socket to the statistics of a dispatcher, and logs them.

    Logs the receive buffer that was granted, by default only if it is smaller than requested.
    Where the system does not count drops, the statistics stay None.
    """

    def __init__(self, sock: socket.socket, dispatcher: Dispatcher) -> None:
        self._statistics = dispatcher.statistics
        self._reporter = RateLimitedLog(_log, part=dispatcher.part)
        self._buffer = receive_buffer(sock)
        self._counter: KernelDropCounter | None = None
        with suppress(OSError):
            self._counter = KernelDropCounter(sock)
            self._statistics.kernel_dropped = self._statistics.kernel_dropped or 0
        level, note = logging.DEBUG, ""
        if self._buffer < RECEIVE_BUFFER:
            level = logging.INFO
            note = f"; {RECEIVE_BUFFER:,} were requested, but net.core.rmem_max allows no more"
        extra = {"part": dispatcher.part}
        _log.log(level, "receive buffer of %s bytes%s", f"{self._buffer:,}", note, extra=extra)

    def update(self) -> None:
        """Count the datagrams dropped since the last call. From any thread."""
        new = 0 if self._counter is None else self._counter.take()
        if not new:
            return
        self._statistics.kernel_dropped = (self._statistics.kernel_dropped or 0) + new
        datagrams = "1 datagram" if new == 1 else f"{new:,} datagrams"
        text = f"{datagrams} dropped by the kernel: the receive buffer of {self._buffer:,} bytes"
        self._reporter.report("kernel", f"{text} was full; {self._hint}", count=new)

    @property
    def _hint(self) -> str:
        if self._buffer < RECEIVE_BUFFER:
            return f"allow a larger one with: sysctl -w net.core.rmem_max={RECEIVE_BUFFER}"
        return (
            "messages arrive faster than they are handled, for example because a function of a "
            "route waits (a larger net.core.rmem_max does not enlarge this buffer)"
        )

    def flush_reports(self, *, everything: bool = False) -> None:
        """Count, and log the summaries that are due; with ``everything``, all of them."""
        self.update()
        self._reporter.flush(everything=everything)
