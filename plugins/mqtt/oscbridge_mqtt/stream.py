"""The socket that paho reads and writes: plain or TLS, read in large pieces.

paho reads a packet in three calls or more. Here those are served from memory. The answers
to what went past paho (PUBACK, PUBCOMP) are taken out on the way, and payloads that nobody
will take are cut.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Final

from oscbridge_mqtt.publication import length_of

__all__ = ["PUBACK", "PUBCOMP", "Sockets", "Stream"]

PIECE: Final = 65_536
"""Bytes that are read at once."""

PUBLISH: Final = 0x30
PUBACK: Final = 0x40
PUBCOMP: Final = 0x70
"""The first bytes of packets (MQTT 5.0, section 2.1.2); the lower half of PUBLISH varies."""

LONGEST_HEAD: Final = 2 + 65_535 + 2
"""Bytes of a PUBLISH packet before its payload: a topic and a number (MQTT 3.1.1)."""

MAX_ACK: Final = 8_192
"""Bytes of an answer that is kept until it is whole; of a longer one paho makes the best."""

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)

OnAck = Callable[[int, int, int], bool]
"""Takes the first byte, the number of a message and the reason code; False leaves the answer
to paho."""


class Sockets:
    """Stands where paho asks for a TLS context: it makes a stream of each new socket.

    See :class:`Stream` about ``on_ack`` and ``payload``.
    """

    def __init__(
        self, context: ssl.SSLContext | None, on_ack: OnAck | None, payload: int | None = None
    ) -> None:
        self.check_hostname = context is None or context.check_hostname
        """For paho: there is nothing left for it to check."""
        self.stream: Stream | None = None
        """The latest."""
        self._context = context
        self._on_ack = on_ack
        self._payload = payload

    def wrap_socket(
        self, sock: socket.socket, server_hostname: str, do_handshake_on_connect: bool
    ) -> Stream:
        """What paho calls when it has connected."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is not None:
            sock = self._context.wrap_socket(
                sock,
                server_hostname=server_hostname,
                do_handshake_on_connect=do_handshake_on_connect,
            )
        self.stream = Stream(sock, self._on_ack, self._payload)
        return self.stream

    @property
    def is_broken(self) -> bool:
        """Whether the latest connection is gone, and not only of no use."""
        return self.stream is None or self.stream.is_broken

    @property
    def refusal(self) -> str:
        """What the other side has said about TLS when it ended the latest connection."""
        return "" if self.stream is None else self.stream.refusal

    def close(self) -> None:
        """Close the latest: where a handshake fails, paho does not."""
        if self.stream is not None:
            self.stream.close()


class Stream:
    """One connected socket, as much of one as paho uses.

    Without ``on_ack`` it is read as it is. With ``payload``, for MQTT 3.1.1, which cannot tell
    the broker how much is taken, paho gets one byte more than that of a larger payload, and
    the memory for the rest is not needed.
    """

    def __init__(
        self, sock: socket.socket, on_ack: OnAck | None = None, payload: int | None = None
    ) -> None:
        self.socket = sock
        self.refusal = ""
        self.is_broken = False
        self.close = sock.close
        self.fileno = sock.fileno
        self.setblocking = sock.setblocking
        self.settimeout = sock.settimeout
        self._on_ack = on_ack
        self._buffer = b""
        self._position = 0
        self._payload = payload
        self._half = b""
        self._skip = self._drop = 0  # bytes of a packet that are still to come

    def do_handshake(self) -> None:
        if isinstance(self.socket, ssl.SSLSocket):
            self.socket.do_handshake()

    def pending(self) -> int:
        """Bytes that can be read and that the event loop does not see."""
        here = len(self._buffer) - self._position
        return here + (self.socket.pending() if isinstance(self.socket, ssl.SSLSocket) else 0)

    def recv(self, size: int) -> bytes:
        """As a socket's: raises ``BlockingIOError`` when there is nothing."""
        start = self._position
        if start >= len(self._buffer):
            data = self._read()
            if not data:
                return data
            self._acknowledge()
            self._buffer, self._position = self._sift(data) if self._on_ack else data, 0
            start = 0
            if not self._buffer:
                raise BlockingIOError
        found = self._buffer[start : start + size]
        self._position = start + len(found)
        return found

    def send(self, data: bytes) -> int:
        """As a socket's."""
        try:
            return self.socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            self.is_broken = True
            raise

    def _read(self) -> bytes:
        try:
            data = self.socket.recv(PIECE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError as error:
            self.is_broken = True
            if isinstance(error, ssl.SSLError):
                self.refusal = error.reason or str(error)
            raise
        self.is_broken = self.is_broken or not data
        return data

    def _acknowledge(self) -> None:
        """Tell the other side at once that this has come.

        Brokers answer in small packets, and the next may wait until the last is known to have
        arrived (Nagle's algorithm). The system would be silent about it for 40 ms.
        """
        if _QUICKACK is not None and self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _sift(self, data: bytes) -> bytes:
        """What is left for paho when the answers are taken out."""
        if self._half:
            data, self._half = self._half + data, b""
        position = min(self._skip, len(data))
        self._skip -= position
        if self._drop and not self._skip:
            end = min(position + self._drop, len(data))
            self._drop -= end - position
            data = data[:position] + data[end:]
        size = len(data)
        kept, begin = [], 0  # from ``begin`` on, what is not yet kept or taken
        while position < size:
            found = _packet(data, position)
            if found is None:
                if size - position < MAX_ACK:
                    self._half = data[position:]
                    size = position
                break
            body, end = found
            if self._is_too_large(data[position], end - body):
                cut = self._cut(data, position, body, end)
                if cut is None:
                    self._half = data[position:]
                    size = position
                    break
                kept += [data[begin:position], cut]
                position = begin = min(end, size)
                continue
            if data[position] in (PUBACK, PUBCOMP) and end <= size:
                if self._take(data, position, body, end):
                    kept.append(data[begin:position])
                    begin = end
            elif data[position] in (PUBACK, PUBCOMP) and end - position < MAX_ACK:
                self._half = data[position:]
                size = position
                break
            if end > size:
                self._skip = end - size
            position = end
        if not kept and begin == 0 and size == len(data):
            return data
        kept.append(data[begin:size])
        return b"".join(kept)

    def _is_too_large(self, first: int, size: int) -> bool:
        payload = self._payload
        return payload is not None and first & 0xF0 == PUBLISH and size > LONGEST_HEAD + payload

    def _cut(self, data: bytes, position: int, body: int, end: int) -> bytes | None:
        """The packet with less of its payload, as far as it is there; None if it is too early.

        It keeps its topic and its number, so that paho acknowledges it as any other.
        """
        assert self._payload is not None
        first = data[position]
        start = body + 2 + (data[body] << 8 | data[body + 1]) if body + 2 <= len(data) else end
        start += 2 if first & 0x06 else 0
        if start > len(data):
            return None
        stop = start + self._payload + 1
        self._skip = max(0, stop - len(data))
        self._drop = end - max(stop, len(data)) if end > len(data) else 0
        return bytes([first]) + length_of(stop - body) + data[body:stop]

    def _take(self, data: bytes, position: int, body: int, end: int) -> bool:
        assert self._on_ack is not None
        if end - body < 2:
            return False
        # Without a reason code it is 0, success (section 3.4.2.1).
        reason = data[body + 2] if end - body > 2 else 0
        return self._on_ack(data[position], data[body] << 8 | data[body + 1], reason)


def _packet(data: bytes, position: int) -> tuple[int, int] | None:
    """Where the body of a packet begins and ends, if its length is there (section 2.1.4)."""
    length = shift = 0
    for index in range(position + 1, position + 5):
        if index >= len(data):
            return None
        length |= (data[index] & 0x7F) << shift
        shift += 7
        if not data[index] & 0x80:
            return index + 1, index + 1 + length
    return position + 5, position + 5  # no MQTT: paho will say so
