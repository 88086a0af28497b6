"""OSC clients over TCP, under the names of the python-osc documentation.

``mode`` is the framing of packets: "1.0" is a length prefix, "1.1" SLIP. A packet that is
incomplete at a timeout is kept and completed by a later call. If the server violates the
framing, the client raises :class:`DecodeError` once and is closed.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
from collections.abc import Iterable, Iterator

from oscbridge.client.base import BlockingClient, BlockingDispatchClient, find, wait_for
from oscbridge.client.stream import StreamClient
from oscbridge.errors import DecodeError
from oscbridge.net.tcp_socket import CHUNK, prepare_tcp_socket
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import ArgValue, build_msg

__all__ = [
    "SimpleTCPClient",
    "TCPClient",
    "TCPDispatchClient",
]


class TCPClient(StreamClient, BlockingClient):
    """Connects to a server, sends packets and receives them.

    The arguments are those of :class:`~oscbridge.client.stream.StreamClient`. Raises
    ``OSError`` if the connection fails.
    """

    def _open(self) -> None:
        self._sending = threading.Lock()
        self.socket = _connect(self.address, self.port, self._allowed_family, self._timeout)

    def receive(self, timeout: float | None = None) -> list[bytes]:
        """The next packets, complete.

        Empty if no packet is complete within ``timeout`` seconds, or the server has closed the
        connection. Raises :class:`DecodeError` or ``OSError``.
        """
        return self._wait(timeout)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in receive
        self.socket.close()

    def _send_packet(self, packet: bytes) -> None:
        frame = self._stream.encode(packet)
        with self._sending:  # two threads must not mix their packets
            try:
                self.socket.sendall(frame)
            except TimeoutError:
                # It may have been sent in part, so nothing may follow.
                with contextlib.suppress(OSError):
                    self.socket.shutdown(socket.SHUT_WR)
                raise

    def _take(self, seconds: float) -> list[bytes]:
        if self._ended:
            return []
        try:
            self._stream.check()
            data = self._read(seconds)
            return [] if data is None else self._stream.feed(data)
        except DecodeError:
            self.close()
            raise
        finally:
            self._ended = self._stream.ended

    def _read(self, seconds: float) -> bytes | None:
        """Received bytes, empty at the end of the stream; None after the timeout."""
        if self.socket.fileno() < 0:
            raise OSError(errno.EBADF, "this client is closed")
        # Its own wait, as the socket's timeout applies to a thread that sends.
        if not wait_for(self.socket, selectors.EVENT_READ, seconds):
            return None
        try:
            return self.socket.recv(CHUNK)
        except (BlockingIOError, TimeoutError) as error:
            if error.errno == errno.ETIMEDOUT:
                raise  # the system gave up on the server
            return None


class SimpleTCPClient(TCPClient):
    """Sends messages from Python values, and receives messages."""

    def send_message(self, address: str, value: ArgValue | Iterable[ArgValue] = "") -> None:
        """Send a message with one value, with several from an iterable, or none for ``""``.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        self.send(build_msg(address, value))

    def get_messages(self, timeout: float | None = None) -> Iterator[OscMessage]:
        """Incoming messages, until none arrives within ``timeout`` seconds.

        They end with the connection. Invalid packets are logged and counted in :attr:`bad`.
        """
        return self._get_messages(timeout)


class TCPDispatchClient(BlockingDispatchClient, SimpleTCPClient):
    """Calls handlers for incoming messages, and sends what they return."""

    def handle_messages(self, timeout_sec: float | None = None) -> None:
        """Call the handlers of :attr:`dispatcher` until nothing arrives within the timeout.

        A message with a future time tag runs when it is due, during this call or a later one.
        """
        self._handle_messages(timeout_sec)


def _connect(
    address: str, port: int, family: socket.AddressFamily, timeout: float | None
) -> socket.socket:
    """A connection to the first address of the host that accepts one. Raises ``OSError``."""
    problem = OSError(f"{address} has no address")
    for found, to in find(address, port, family, socket.SOCK_STREAM):
        sock = socket.socket(found, socket.SOCK_STREAM)
        try:
            prepare_tcp_socket(sock)
            sock.settimeout(timeout)
            sock.connect(to)
            return sock
        except OSError as error:
            sock.close()
            problem = error
        except BaseException:
            sock.close()
            raise
    raise problem
