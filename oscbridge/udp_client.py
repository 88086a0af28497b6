"""OSC clients over UDP, under the names of the python-osc documentation."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Self, cast

from oscbridge.osc import Argument, Bundle, Message, encode_packet

__all__ = ["SimpleUDPClient", "UDPClient"]


class UDPClient:
    """Sends packets to one address.

    ``family`` follows from the host unless it is given. Raises ``OSError`` for a host that
    cannot be found.
    """

    def __init__(
        self,
        address: str,
        port: int,
        allow_broadcast: bool = False,
        family: socket.AddressFamily = socket.AF_UNSPEC,
    ) -> None:
        found = socket.getaddrinfo(address, port, family=family, type=socket.SOCK_DGRAM)
        self._address = address
        self._port = port
        self._sock = socket.socket(found[0][0], socket.SOCK_DGRAM)
        self._to = found[0][4]
        if allow_broadcast:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def send(self, content: Message | Bundle) -> None:
        """Send one packet. Raises :class:`EncodeError` or ``OSError``."""
        self._sock.sendto(encode_packet(content), self._to)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class SimpleUDPClient(UDPClient):
    """Sends messages from Python values."""

    def send_message(self, address: str, value: Argument | Iterable[Argument]) -> None:
        """Send a message with one value, or with several from an iterable.

        The type tags are inferred. Raises :class:`EncodeError` or ``OSError``.
        """
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes)
        args = tuple(cast(Iterable[Argument], value)) if several else (cast(Argument, value),)
        self.send(Message.of(address, *args))
