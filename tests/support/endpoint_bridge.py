"""A running bridge with an endpoint under test."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Final

from oscbridge import Message, encode_message
from oscbridge.testing import EndpointStatus, RunningBridge

__all__ = ["WAIT", "EndpointBridge"]

WAIT: Final = 15.0
"""Seconds to wait for an expected event."""


class EndpointBridge:
    """The UDP bridge ``osc`` in, an endpoint out, and its counters."""

    def __init__(self, bridge: RunningBridge, name: str) -> None:
        self.bridge = bridge
        self._name = name
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        url = bridge.url("osc")
        self._udp.connect((url.host, url.port))

    async def stop(self) -> None:
        await self.bridge.stop()

    def close(self) -> None:
        self._udp.close()

    @property
    def status(self) -> EndpointStatus:
        return self.bridge.endpoint_status(self._name)

    @property
    def drops(self) -> Counter[str]:
        return Counter(self.status.dropped)

    @property
    def client_drops(self) -> Counter[str]:
        return Counter(self.status.client_dropped)

    @property
    def bad(self) -> Counter[str]:
        """Bad input from the peer, by reason."""
        return Counter(self.status.received.bad)

    def send(self, *messages: Message) -> None:
        """Send one datagram per message; none is received before the test awaits something."""
        for message in messages:
            self.send_packet(encode_message(message))

    def send_packet(self, packet: bytes) -> None:
        """Send one datagram with this packet."""
        self._udp.send(packet)

    def offer(self, *messages: Message) -> None:
        """Put messages directly into the send queue."""
        self.bridge.offer(self._name, *messages)

    @property
    def received(self) -> asyncio.Queue[Message]:
        """The messages received from the endpoint; ``record`` must name it."""
        return self.bridge.received(self._name)

    async def next(self) -> Message:
        async with asyncio.timeout(WAIT):
            return await self.received.get()
