"""One TCP connection, served on the thread or in the process that calls."""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from oscbridge.dispatcher import Dispatcher
from oscbridge.handler import ClientAddress
from oscbridge.osc.framing import MAX_FRAME, decoder_for
from oscbridge.transport.reply import packet_for, report_unsent

__all__ = [
    "ACCEPT_AGAIN",
    "BACKLOG",
    "CHUNK",
    "OUT_OF_MEANS",
    "Connection",
    "StreamLimits",
    "prepare_stream",
]

CHUNK: Final = 65_536
"""Bytes that are read at once."""

# For one socket. Unlike epoll it takes no descriptor, of which there may be no more.
_Selector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)


BACKLOG: Final = 1_024
"""Connections that wait in the system to be accepted."""

ACCEPT_AGAIN: Final = 0.1
"""Seconds to leave a socket alone that could not accept, as when descriptors run out."""

OUT_OF_MEANS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What a connection may do. A limit that is passed ends it, and is counted."""

    frame: int = MAX_FRAME
    """Bytes of a packet."""
    connections: int = 256
    """Connections at once; others are refused."""
    per_address: int | None = None
    """Connections at once from one address; None: as many as there may be in all."""
    idle: float = 86_400.0
    """Seconds without a byte from the client."""
    unfinished: float = 30.0
    """Seconds in which a packet that was begun must be finished."""
    send: float = 5.0
    """Seconds that a client may keep a reply waiting."""
    replies: int = 4_194_304
    """Bytes of replies that may wait for a client to read them, on an event loop. Elsewhere
    the one who sends waits."""


def prepare_stream(sock: socket.socket) -> None:
    """Never block, send small packets at once, and notice a peer that is gone."""
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)
    with contextlib.suppress(OSError):  # no TCP socket, in some test
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Connection:
    """Reads packets from a socket, dispatches them and sends the replies."""

    def __init__(
        self,
        sock: socket.socket,
        client: ClientAddress,
        dispatcher: Dispatcher,
        mode: str,
        limits: StreamLimits,
    ) -> None:
        prepare_stream(sock)
        self._sock = sock
        self._client = client
        self._dispatcher = dispatcher
        self._limits = limits
        self._framing = decoder_for(mode, limits.frame)
        self._sending = threading.Lock()
        self._broken = ""

    def serve(self, stopping: Callable[[], bool], poll_interval: float) -> None:
        """Serve until the client leaves, a limit is passed, or ``stopping`` says so.

        Runs what is due in the dispatcher's scheduler as well.
        """
        scheduler, limits = self._dispatcher.scheduler, self._limits
        heard = begun = time.monotonic()
        with _Selector() as selector:
            selector.register(self._sock, selectors.EVENT_READ)
            while not self._broken and not stopping():
                try:
                    data = self._sock.recv(CHUNK)
                except BlockingIOError:
                    selector.select(scheduler.wait(poll_interval))
                    scheduler.run_due()
                    now = time.monotonic()
                    if now - heard > limits.idle:
                        self._broken = "idle"
                    elif self._framing.pending and now - begun > limits.unfinished:
                        self._broken = "unfinished"
                    continue
                except OSError:
                    data = b""
                if not data:
                    self._report_cut()
                    break
                heard = time.monotonic()
                if self._receive(data) or not self._framing.pending:
                    begun = heard
                scheduler.run_due()
        if self._broken:
            self._dispatcher.report_closed(self._broken, self._client)
        self._dispatcher.client_left(self._client)

    def _receive(self, data: bytes) -> bool:
        """Dispatch what is complete; whether anything was."""
        framing = self._framing
        packets = framing.feed(data)
        for packet in packets:
            self._dispatcher.dispatch(packet, self._client, self._reply)
        if framing.error is not None:
            self._dispatcher.report_bad(framing.error, self._client)
            self._broken = framing.error.reason
        return bool(packets)

    def _report_cut(self) -> None:
        """Count the packet that the client did not finish before it left."""
        error = self._framing.cut()
        if error is not None:
            self._dispatcher.report_bad(error, self._client)

    def _reply(self, client: ClientAddress, result: object) -> None:
        packet = packet_for(self._dispatcher, client, result)
        if packet is None:
            return
        try:
            self._send(self._framing.encode(packet))
        except TimeoutError:
            self._broken = "slow_reader"
        except (OSError, ValueError) as error:  # a closed socket is no file to wait for
            report_unsent(self._dispatcher, client, error)

    def _send(self, data: bytes) -> None:
        """Send all of it. Raises ``TimeoutError`` if the client does not take it."""
        deadline = time.monotonic() + self._limits.send
        view = memoryview(data)
        with self._sending:  # a message that was due may run on another thread
            while view and not self._broken:
                try:
                    view = view[self._sock.send(view) :]
                except BlockingIOError:
                    self._wait_writable(deadline - time.monotonic())

    def _wait_writable(self, seconds: float) -> None:
        with _Selector() as selector:
            selector.register(self._sock, selectors.EVENT_WRITE)
            if seconds <= 0 or not selector.select(seconds):
                raise TimeoutError
