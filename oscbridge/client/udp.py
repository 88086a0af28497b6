"""OSC clients over UDP, under the names of the python-osc documentation."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterable, Iterator
from typing import Final

from oscbridge.client.base import BlockingClient, BlockingDispatch, find, wait_for
from oscbridge.net.udp_receive import BATCH, MAX_DATAGRAM
from oscbridge.osc import Message, infer
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import ArgValue, arguments_of

__all__ = ["DispatchClient", "SimpleUDPClient", "UDPClient"]

SEND_WAIT: Final = 1.0
"""Seconds to wait for room to send, unless the client has a timeout of its own."""


class UDPClient(BlockingClient):
    """Sends packets to one address, and receives what is sent back.

    ``family`` follows from the host unless it is given. ``timeout``, in seconds, is for
    calls that have none; without any, nothing waits. ``allow_broadcast`` permits the
    address of a broadcast; ``multicast_hops`` is how many routers a multicast may pass,
    1 for the local network. Raises ``OSError`` for a host that cannot be found.
    """

    _without_timeout = 0.0

    def __init__(
        self,
        address: str,
        port: int,
        allow_broadcast: bool = False,
        family: socket.AddressFamily = socket.AF_UNSPEC,
        timeout: float | None = None,
        *,
        multicast_hops: int = 1,
    ) -> None:
        if not 0 <= multicast_hops <= 255:
            raise ValueError(f"multicast_hops is 0 to 255, not {multicast_hops!r}")
        super().__init__((address, port), timeout)
        self._address = address
        self._port = port
        self._sock, self._to = _open(address, port, family)
        self._sock.setblocking(False)  # or a thread that receives delays one that sends
        if allow_broadcast:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if self._sock.family == socket.AF_INET6:
            option = (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)
        else:
            option = (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL)
        self._sock.setsockopt(*option, multicast_hops)

    def receive(self, timeout: float | None = None) -> bytes:
        """The next packet, whole; ``b""`` if none comes within ``timeout`` seconds."""
        packets = self._wait(timeout)
        return packets[0] if packets else b""

    def close(self) -> None:
        self._sock.close()

    def _send_packet(self, packet: bytes) -> None:
        try:
            self._sock.sendto(packet, self._to)
        except BlockingIOError:
            seconds = SEND_WAIT if self._timeout is None else self._timeout
            wait_for(self._sock, selectors.EVENT_WRITE, seconds)
            self._sock.sendto(packet, self._to)

    def _take(self, seconds: float) -> list[bytes]:
        for _ in range(BATCH):
            try:
                packet = self._sock.recv(MAX_DATAGRAM)
            except (BlockingIOError, TimeoutError):
                if not seconds or not wait_for(self._sock, selectors.EVENT_READ, seconds):
                    break
                seconds = 0.0
            except ConnectionError:
                continue  # Windows says here that nobody took what was sent
            else:
                if packet:
                    return [packet]
                # An empty datagram is no OSC, and not the end of what comes.
        return []


class SimpleUDPClient(UDPClient):
    """Sends messages from Python values, and reads the messages that come back."""

    def send_message(self, address: str, value: ArgValue | Iterable[ArgValue]) -> None:
        """Send a message with one value, with several from an iterable, or none for None.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        args = () if value is None else arguments_of(value)
        self.send(Message(address, infer(args), args))

    def get_messages(self, timeout: float | None = None) -> Iterator[OscMessage]:
        """The messages that come, until none has come for ``timeout`` seconds.

        What is no OSC is reported and counted in :attr:`bad`.
        """
        return self._get_messages(timeout)


class DispatchClient(BlockingDispatch, SimpleUDPClient):
    """Calls handlers for the messages that come back; what they return is sent in turn."""

    def handle_messages(self, timeout: float | None = None) -> None:
        """Call the handlers of :attr:`dispatcher` until nothing has come for ``timeout`` s.

        A message with a future time tag waits for it while this runs, or runs again.
        """
        self._handle_messages(timeout)


def _open(
    address: str, port: int, family: socket.AddressFamily
) -> tuple[socket.socket, tuple[object, ...]]:
    """A socket of the first family that this machine has, and where to send."""
    problem = OSError(f"{address} has no address")
    for found, to in find(address, port, family, socket.SOCK_DGRAM):
        try:
            return socket.socket(found, socket.SOCK_DGRAM), to
        except OSError as error:
            problem = error
    raise problem
