"""In the worker and its children: reports about the clients of the bridge."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Final

from oscbridge.bridge.sources.forked.ipc_clients import AskedRecord, SenderRecord
from oscbridge.bridge.sources.forked.worker_ipc import WorkerChannel
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_errors import take_unreachable
from oscbridge.net.udp_receive import may_be_osc
from oscbridge.osc import Message

__all__ = ["AskerReports", "SenderReports"]

MAX_REPORTED: Final = 1_024
"""Senders whose last report is known. A full table is cleared."""


class SenderReports:
    """Reports the clients of a socket: those that are heard, and those that are away.

    A client that is heard is reported once in ``interval`` seconds.
    """

    def __init__(self, sock: socket.socket, send: Callable[[bytes], bool], interval: float) -> None:
        self._sock = sock
        self._interval = interval
        self._send = send
        self._reported: dict[ClientAddress, float] = {}

    def take(self, batch: list[tuple[bytes, ClientAddress]]) -> None:
        """Report the senders of datagrams; without any, those that the system knows as away."""
        if not batch:
            for address in take_unreachable(self._sock):
                self._reported.pop(address, None)
                self._send(SenderRecord(tuple(address), is_reachable=False).encode())
        now = time.monotonic()
        for data, sender in batch:
            if now - self._reported.get(sender, 0.0) < self._interval or not may_be_osc(data):
                continue
            if len(self._reported) >= MAX_REPORTED:
                self._reported.clear()
            if self._send(SenderRecord(tuple(sender), is_reachable=True).encode()):
                self._reported[sender] = now


class AskerReports:
    """Reports the sender of a message, before its routes send anything."""

    def __init__(self, channel: WorkerChannel) -> None:
        self._channel = channel

    def take(self, message: Message) -> None:
        """Report the sender of a message that has routes."""
        peer = message.origin and message.origin.peer
        if isinstance(peer, tuple):
            # If the child is killed right after it, the message is lost all the same.
            self._channel.send(AskedRecord(peer, message.address).encode(), is_outcome=False)
