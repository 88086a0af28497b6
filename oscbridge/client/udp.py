"""OSC clients over UDP, under the names of the python-osc documentation."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterable, Iterator
from typing import Final

from oscbridge.client.base import BlockingClient, BlockingDispatchClient, find, wait_for
from oscbridge.dispatch.overrides import is_replaced
from oscbridge.net.udp_receive import BATCH, MAX_DATAGRAM
from oscbridge.osc import Message, encode_message, infer
from oscbridge.osc_message import OscMessage
from oscbridge.osc_message_builder import ArgValue, arguments_of

__all__ = ["DispatchClient", "SimpleUDPClient", "UDPClient"]

SEND_WAIT: Final = 1.0
"""Default of the seconds to wait for room in the socket's send buffer."""


class UDPClient(BlockingClient):
    """Sends packets to one address, and receives its replies.

    ``family`` follows from the host unless it is given. ``timeout``, in seconds, applies to
    calls without their own; without any, no call waits. ``allow_broadcast`` permits broadcast
    addresses. ``multicast_hops``, 0 to 255, is the number of routers that a multicast may
    pass; 1 stays in the local network. Raises ``OSError`` for an unknown host.
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
            raise ValueError(f"multicast_hops must be 0 to 255, got {multicast_hops!r}")
        super().__init__((address, port), timeout)
        self._target = (address, port)
        self._sock, self._to = _open(address, port, family)
        if timeout is None:
            self._sock.setblocking(False)
        else:  # for programs that read the socket themselves
            self._sock.settimeout(timeout)
        if allow_broadcast:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if self._sock.family == socket.AF_INET6:
            option = (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS)
        else:
            option = (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL)
        self._sock.setsockopt(*option, multicast_hops)

    @property
    def _address(self) -> str:
        """The host to send to. Programs for python-osc set it to send elsewhere."""
        return self._target[0]

    @_address.setter
    def _address(self, address: str) -> None:
        self._retarget(address, self._target[1])

    @property
    def _port(self) -> int:
        return self._target[1]

    @_port.setter
    def _port(self, port: int) -> None:
        self._retarget(self._target[0], port)

    def _retarget(self, address: str, port: int) -> None:
        _, to = next(find(address, port, self._sock.family, socket.SOCK_DGRAM))
        self._to = _shortened(to)
        self._target = self._server = (address, port)

    def receive(self, timeout: float | None = None) -> bytes:
        """The next packet; ``b""`` if none arrives within ``timeout`` seconds."""
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
        if self._sock.gettimeout() and not wait_for(self._sock, selectors.EVENT_READ, seconds):
            return []  # else the socket's own timeout would apply
        for _ in range(BATCH):
            try:
                packet = self._sock.recv(MAX_DATAGRAM)
            except (BlockingIOError, TimeoutError):
                if not seconds or not wait_for(self._sock, selectors.EVENT_READ, seconds):
                    break
                seconds = 0.0
            except ConnectionError:
                continue  # Windows reports here that an earlier packet was not delivered
            else:
                if packet:
                    return [packet]
                # An empty datagram is not OSC, and more can follow.
        return []


class SimpleUDPClient(UDPClient):
    """Sends messages from Python values, and receives messages."""

    def send_message(self, address: str, value: ArgValue | Iterable[ArgValue]) -> None:
        """Send a message with one value, with several from an iterable, or none for None.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        args = () if value is None else arguments_of(value)
        packet = encode_message(Message(address, infer(args), args))
        if is_replaced(self, "send", BlockingClient.send):
            self.send(OscMessage.of(packet))
        else:
            self._send_packet(packet)

    def get_messages(self, timeout: float | None = None) -> Iterator[OscMessage]:
        """Incoming messages, until none arrives within ``timeout`` seconds.

        Invalid packets are logged and counted in :attr:`bad`.
        """
        return self._get_messages(timeout)


class DispatchClient(BlockingDispatchClient, SimpleUDPClient):
    """Calls handlers for incoming messages, and sends what they return."""

    def handle_messages(self, timeout: float | None = None) -> None:
        """Call the handlers of :attr:`dispatcher` until nothing arrives within ``timeout`` s.

        A message with a future time tag runs when it is due, during this call or a later one.
        """
        self._handle_messages(timeout)


def _open(
    address: str, port: int, family: socket.AddressFamily
) -> tuple[socket.socket, tuple[object, ...]]:
    """A socket of the first family that this machine supports, and its destination."""
    problem = OSError(f"{address} has no address")
    for found, to in find(address, port, family, socket.SOCK_DGRAM):
        try:
            return socket.socket(found, socket.SOCK_DGRAM), _shortened(to)
        except OSError as error:
            problem = error
    raise problem


def _shortened(to: tuple[object, ...]) -> tuple[object, ...]:
    """A socket address without the flow and the scope of IPv6 if they are 0."""
    return to if any(to[2:]) else to[:2]
