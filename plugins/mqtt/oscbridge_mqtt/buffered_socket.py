"""The socket that paho reads and writes: plain or TLS, with buffers in both directions.

paho reads each packet in three calls and writes each in one. The buffers turn many of these calls
into one system call.
"""

from __future__ import annotations

import math
import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Final

from oscbridge_mqtt.incoming import AnswerListener, IncomingFilter

__all__ = ["BufferedSocket", "SocketFactory"]

READ_SIZE: Final = 65_536
"""Most bytes per system call."""

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class SocketFactory:
    """Takes the place of paho's TLS context, and wraps each new socket.

    ``context`` is None for connections without TLS. With a ``listener`` incoming packets are
    filtered, and payloads limited to ``max_payload`` bytes.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        *,
        listener: AnswerListener | None = None,
        max_payload: int | None = None,
    ) -> None:
        self.check_hostname = context is None or context.check_hostname
        """True for paho means that the context checks the name, or that there is none to check."""
        self.latest: BufferedSocket | None = None
        self._context = context
        self._listener = listener
        self._max_payload = max_payload

    def wrap_socket(
        self, sock: socket.socket, server_hostname: str, do_handshake_on_connect: bool
    ) -> BufferedSocket:
        """Called by paho for a connected TCP socket."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            sock = self._context.wrap_socket(
                sock,
                server_hostname=server_hostname,
                do_handshake_on_connect=do_handshake_on_connect,
            )
        incoming = None
        if self._listener is not None:
            incoming = IncomingFilter(self._listener, self._max_payload)
        self.latest = BufferedSocket(sock, incoming)
        return self.latest


class BufferedSocket:
    """A connected socket with the methods that paho calls.

    It writes immediately until ``is_buffering`` is set; then it accepts everything, and
    :meth:`flush` writes it.
    """

    def __init__(self, sock: socket.socket, incoming: IncomingFilter | None = None) -> None:
        self.socket = sock
        self.is_buffering = False
        self.is_drained = False
        """Whether everything that had arrived at the latest read is handled."""
        self.is_overdue = False
        """Whether the time for reading is over."""
        self.is_broken = False
        """Whether the peer ended the connection, rather than this side."""
        self.tls_error = ""
        """The TLS alert with which the peer ended the connection."""
        self.fileno = sock.fileno
        self.setblocking = sock.setblocking
        self.settimeout = sock.settimeout
        self._incoming = incoming
        self._reads_all = incoming is not None and not isinstance(sock, ssl.SSLSocket)
        """Whether a short read means that the socket is empty, and no layer in between holds more:
        TLS and WebSocket do."""
        self._is_last = False
        """Whether the latest read has emptied the socket."""
        self._is_unacknowledged = False
        self._deadline = math.inf
        self._received = b""
        self._position = 0
        self._waiting: list[bytes] = []
        self._writing: list[bytes] = []
        self._unsent = memoryview(b"")
        """The bytes of :attr:`_writing` that are not sent yet."""

    def do_handshake(self) -> None:
        """Called by paho; without TLS there is nothing to do."""
        if isinstance(self.socket, ssl.SSLSocket):
            self.socket.do_handshake()

    def pending(self) -> int:
        """Bytes that can be read although the event loop does not see them."""
        buffered = len(self._received) - self._position
        return buffered + (self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0)

    def begin_reading(self, seconds: float) -> None:
        """Allow reading for some seconds; after that :meth:`recv` finds nothing."""
        self.is_drained = self.is_overdue = False
        self._deadline = time.monotonic() + seconds

    def recv(self, size: int) -> bytes:
        """Like ``socket.recv``; raises ``BlockingIOError`` when there is nothing to read."""
        if time.monotonic() > self._deadline:
            self.is_overdue = True
            raise BlockingIOError
        start = self._position
        if start >= len(self._received):
            data = self._receive()
            if not data:
                return data
            self._received = data
            start = 0
        found = self._received[start : start + size]
        self._position = start + len(found)
        if self._is_last and self._position == len(self._received):
            self.is_drained = True
        return found

    def _receive(self) -> bytes:
        try:
            data = self.socket.recv(READ_SIZE)
        except _WOULD_BLOCK:
            self.is_drained = True
            raise
        except OSError as error:
            self.is_broken = True
            if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
                self.tls_error = error.reason or str(error)
            raise
        if not data:
            self.is_broken = True
            return data
        self._is_unacknowledged = True
        self._is_last = self._reads_all and len(data) < READ_SIZE
        self.is_drained = False
        if self._incoming is not None:
            data = self._incoming.feed(data)
            if not data:
                self.is_drained = self._is_last
                raise BlockingIOError
        return data

    def acknowledge(self) -> None:
        """Acknowledge the received segments immediately.

        Brokers answer in small packets, and the next may wait until the last one is acknowledged
        (Nagle's algorithm). The system would delay the acknowledgement by 40 ms.
        """
        if self._is_unacknowledged and _QUICKACK is not None:
            self._is_unacknowledged = False
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def send(self, data: bytes) -> int:
        """Like ``socket.send``; with :attr:`is_buffering` it takes all of ``data``."""
        if not self.is_buffering:
            return self.socket.send(data)
        self._waiting.append(data)
        return len(data)

    def send_all(self, packets: Iterable[bytes]) -> None:
        """Like :meth:`send` for each packet; only with :attr:`is_buffering`."""
        self._waiting.extend(packets)

    def flush(self) -> bool:
        """Write as much as the system takes. Returns whether that is everything.

        Raises ``OSError`` when the connection is broken.
        """
        while self._unsent or self._waiting:
            if not self._unsent:
                self._writing, self._waiting = self._waiting, []
                self._unsent = memoryview(b"".join(self._writing))
            try:
                sent = self.socket.send(self._unsent)
            except _WOULD_BLOCK:
                return False
            except OSError:
                self.is_broken = True
                raise
            self._unsent = self._unsent[sent:]
        return True

    @property
    def backlog(self) -> int:
        """Packets that the system has not taken, apart from those being written."""
        return len(self._waiting)

    @property
    def unsent(self) -> Sequence[bytes]:
        """The pieces given to :meth:`send` that the system has not taken completely."""
        left, first = len(self._unsent), len(self._writing)
        while left > 0:
            first -= 1
            left -= len(self._writing[first])
        return [*self._writing[first:], *self._waiting]

    def close(self) -> None:
        """Write what can be written at once, and close."""
        try:
            self.flush()
        except OSError:
            pass
        self.socket.close()
