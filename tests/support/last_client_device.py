"""A device like an X32: it answers only the client that has registered last."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from oscbridge import Message, encode_message
from oscbridge.osc import decode_message

__all__ = ["LastClientDevice"]

REMOTE_TIME: Final = 10.0
"""Seconds for which ``/xremote`` keeps a client registered."""


class LastClientDevice(asyncio.DatagramProtocol):
    """Holds values by address. It answers ``/xremote`` with nothing and a query with the value.

    A message without arguments is a query. What a client sets, and what happens at the device
    (:meth:`turn`), is sent to the client whose ``/xremote`` came last, within ten seconds.
    """

    def __init__(self) -> None:
        self.values: dict[str, Message] = {}
        self.clients: list[tuple[str, int]] = []
        """The clients that have sent ``/xremote``, in order."""
        self.heard: list[Message] = []
        """All messages but ``/xremote``."""
        self._remote: tuple[tuple[str, int], float] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls) -> LastClientDevice:
        """A device that listens on a free port."""
        loop = asyncio.get_running_loop()
        _, device = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        return device

    @property
    def url(self) -> str:
        assert self._transport is not None
        return f"udp://127.0.0.1:{self._transport.get_extra_info('sockname')[1]}"

    def turn(self, message: Message) -> None:
        """Somebody turns a knob at the device."""
        self.values[message.address] = message
        self._tell(message)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = decode_message(data)
        if message.address == "/xremote":
            self._remote = addr, time.monotonic() + REMOTE_TIME
            self.clients.append(addr)
            return
        self.heard.append(message)
        if message.args:
            self.turn(message)
        elif message.address in self.values and self._transport is not None:
            self._transport.sendto(encode_message(self.values[message.address]), addr)

    def _tell(self, message: Message) -> None:
        if self._remote is not None and time.monotonic() < self._remote[1]:
            assert self._transport is not None
            self._transport.sendto(encode_message(message), self._remote[0])
