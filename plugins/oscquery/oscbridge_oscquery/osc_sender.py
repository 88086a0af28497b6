"""Sends OSC packets over UDP to a server."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Mapping, Sequence
from typing import Final, cast

import oscbridge

__all__ = ["OSCSender", "OutgoingMessages"]

BUSY_WAIT: Final = 0.002
"""Seconds to wait when the system takes no further datagram."""

MAX_BUSY: Final = 500
"""Waits for one datagram."""


class OSCSender:
    """A UDP socket that only sends, to one address."""

    def __init__(self, sock: socket.socket, to: oscbridge.ClientAddress) -> None:
        self.sock = sock
        self.to = to

    @property
    def near(self) -> oscbridge.ClientAddress:
        """The local address."""
        return cast("oscbridge.ClientAddress", self.sock.getsockname())

    @classmethod
    async def open(cls, host: str, port: int) -> OSCSender:
        """Open a socket to a host. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, *_, to = min(found, key=lambda info: info[0] != socket.AF_INET)
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.connect(to)
        except BaseException:
            sock.close()
            raise
        return cls(sock, cast("oscbridge.ClientAddress", to))

    async def send(self, packets: Sequence[bytes]) -> dict[int, oscbridge.BadMessage]:
        """Send packets in order. Returns those that cannot be sent, by index."""
        rejected: dict[int, oscbridge.BadMessage] = {}
        for index, packet in enumerate(packets):
            for _ in range(MAX_BUSY):
                try:
                    self.sock.send(packet)
                except (BlockingIOError, ConnectionRefusedError) as error:
                    if isinstance(error, ConnectionRefusedError):
                        continue  # about an earlier datagram; nobody listens, or not yet
                    await asyncio.sleep(BUSY_WAIT)
                    continue
                except OSError as error:
                    if error.errno == errno.ENOBUFS:
                        await asyncio.sleep(BUSY_WAIT)
                        continue
                    if error.errno != errno.EMSGSIZE:
                        raise
                    text = f"{len(packet)} bytes exceed the maximum size of a datagram"
                    rejected[index] = oscbridge.BadMessage(text)
                break
            else:
                rejected[index] = oscbridge.BadMessage("the system takes no further datagram")
        return rejected

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class OutgoingMessages:
    """A batch of messages as packets; those that came from the server are left out."""

    def __init__(self, messages: Sequence[oscbridge.Message], name: str) -> None:
        """``name`` is that of the endpoint."""
        self.packets: list[bytes] = []
        self._count = len(messages)
        self._places: list[int] = []
        self._rejected: dict[int, oscbridge.BadMessage] = {}
        for index, message in enumerate(messages):
            if message.origin is not None and message.origin.source == name:
                continue
            try:
                self.packets.append(oscbridge.encode_message(message))
                self._places.append(index)
            except oscbridge.EncodeError as error:
                self._rejected[index] = oscbridge.BadMessage(str(error))

    def sent(self, rejected: Mapping[int, oscbridge.BadMessage]) -> None:
        """The packets are sent, but for the rejected ones.

        Raises :class:`oscbridge.PartialDelivery` unless all messages are delivered.
        """
        found = {self._places[index]: error for index, error in rejected.items()}
        found |= self._rejected
        if found:
            accepted = [index for index in range(self._count) if index not in found]
            raise oscbridge.PartialDelivery(accepted, found)
