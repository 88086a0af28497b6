"""OSC clients over TCP, under the names of the python-osc documentation.

``mode`` is how packets are framed: "1.0", a length before each, or "1.1", SLIP. Packets
may come split anywhere; the beginning of one that a timeout leaves is kept. A client whose
server breaks the framing raises :class:`DecodeError` once and is closed.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import threading
from collections.abc import Iterable, Iterator

from oscbridge.client.base import DEFAULT_TIMEOUT, BlockingClient, BlockingDispatch, find, wait_for
from oscbridge.client.stream import ServerStream
from oscbridge.errors import DecodeError
from oscbridge.net.tcp_socket import CHUNK, prepare_stream
from oscbridge.osc.limits import MAX_PACKET_SIZE
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import ArgValue, build_msg

__all__ = [
    "SimpleTCPClient",
    "TCPClient",
    "TCPDispatchClient",
]


class TCPClient(BlockingClient):
    """Connects to a server, sends packets and receives them.

    ``family`` follows from the host unless it is given. ``timeout`` is for connecting, for
    sending, and for calls that have none of their own; None waits for ever. Raises
    ``ValueError`` for an unknown ``mode`` and ``OSError`` when there is no connection.
    """

    max_packet_size = MAX_PACKET_SIZE
    """Bytes of the longest packet that is taken from the server. To be overridden."""

    def __init__(
        self,
        address: str,
        port: int,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        mode: str = "1.1",
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        super().__init__((address, port), timeout)
        self.address = address
        self.port = port
        self.family = family
        self.mode = mode
        self._stream = ServerStream(mode, self.max_packet_size, self._report_bad)
        self._sending = threading.Lock()
        self.socket = _connect(address, port, family, timeout)

    def receive(self, timeout: float | None = None) -> list[bytes]:
        """The next packets, whole, one at least.

        None if no packet is complete within ``timeout`` seconds, or the server has ended
        the connection. Raises :class:`DecodeError` or ``OSError``.
        """
        return self._wait(timeout)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits for packets
        self.socket.close()

    def _send_packet(self, packet: bytes) -> None:
        frame = self._stream.encode(packet)
        with self._sending:  # two threads must not mix their packets
            try:
                self.socket.sendall(frame)
            except TimeoutError:
                # A part of it may have gone, and then nothing may follow.
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
        """What has come, or None if nothing has."""
        if self.socket.fileno() < 0:
            raise OSError(errno.EBADF, "this client is closed")
        # Its own wait, as the socket's timeout is that of a thread that sends.
        if not wait_for(self.socket, selectors.EVENT_READ, seconds):
            return None
        try:
            return self.socket.recv(CHUNK)
        except (BlockingIOError, TimeoutError) as error:
            if error.errno == errno.ETIMEDOUT:
                raise  # the system gave the server up
            return None


class SimpleTCPClient(TCPClient):
    """Sends messages from Python values, and reads the messages that come back."""

    def send_message(self, address: str, value: ArgValue | Iterable[ArgValue] = "") -> None:
        """Send a message with one value, with several from an iterable, or none for ``""``.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        self.send(build_msg(address, value))

    def get_messages(self, timeout: float | None = None) -> Iterator[OscMessage]:
        """The messages that come, until none has come for ``timeout`` seconds.

        They end with the connection. What is no OSC is reported and counted in :attr:`bad`.
        """
        return self._get_messages(timeout)


class TCPDispatchClient(BlockingDispatch, SimpleTCPClient):
    """Calls handlers for the messages that come back; what they return is sent in turn."""

    def handle_messages(self, timeout_sec: float | None = None) -> None:
        """Call the handlers of :attr:`dispatcher` until nothing has come for a time.

        A message with a future time tag waits for it while this runs, or runs again.
        """
        self._handle_messages(timeout_sec)


def _connect(
    address: str, port: int, family: socket.AddressFamily, timeout: float | None
) -> socket.socket:
    """A connection to the first address of the host that takes one."""
    problem = OSError(f"{address} has no address")
    for found, to in find(address, port, family, socket.SOCK_STREAM):
        sock = socket.socket(found, socket.SOCK_STREAM)
        try:
            prepare_stream(sock)
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
