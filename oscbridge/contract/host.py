"""What the bridge does for an endpoint."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from oscbridge.contract.delivery import Deliverable
from oscbridge.discovery.discovery import Discovery
from oscbridge.errors import DecodeError
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message

__all__ = ["Host"]


class Host(Protocol):
    """The bridge, as an endpoint sees it. All on the event loop, but for :meth:`dropped`."""

    @property
    def is_dry(self) -> bool:
        """Whether this is a dry run: messages are not sent, and the endpoint must send nothing else
        that its peer would notice, e.g. a keepalive or a status."""

    @property
    def discovery(self) -> Discovery:
        """Announces and finds services in the local network; the same for all endpoints."""

    def control_room_url(self, host: str) -> str:
        """Where somebody opens the control room who reaches this machine as ``host``.

        Empty if it is not served, or only to this machine itself.
        """

    def receive(self, message: Message, peer: ClientAddress) -> None:
        """Put a message into the routes."""

    def receive_packet(self, data: bytes, peer: ClientAddress) -> None:
        """Put an encoded packet into the routes; a bad one is counted and logged."""

    def receiving(self) -> AbstractContextManager[None]:
        """Route together the messages that are received within: ``with self.host.receiving():``.

        In a callback of the event loop sinks deliver them at its end, instead of in the next turn
        of the loop. In a task it makes no difference.
        """

    def takes(self, address: str) -> bool:
        """Whether a route reads messages with this address from the endpoint.

        An endpoint that has to subscribe asks for each address; again at
        :meth:`oscbridge.RouteAware.on_routes_changed`.
        """

    def bad_input(self, error: DecodeError, peer: ClientAddress) -> None:
        """Count and log input that is not a valid message."""

    def input_dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log received messages that will not reach the routes.

        ``reason`` is one word, for counters; ``why`` explains it, for the log.
        """

    def count_kernel_drops(self, sock: socket.socket | None) -> None:
        """Count the datagrams that the kernel drops at a UDP socket (Linux).

        From now on, as long as the socket is open; None before it is closed.
        """

    def sends_packets(self, near: ClientAddress | None, remote: ClientAddress | None) -> None:
        """Note from where to where the endpoint sends OSC packets: loops through sockets of the
        bridge itself are ended. None before the endpoint closes its socket.
        """

    def refused(self, text: str) -> None:
        """Count and log a peer, or a request of one, that is not accepted."""

    def dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that are lost, and that no ``send`` got. From any thread.

        They count as offered as well. A message that a ``send`` got is counted by what it raises.
        ``reason`` is one word, for counters; ``why`` explains it, for the log.
        """

    def client_dropped(self, reason: str, count: int, why: str = "") -> None:
        """Count and log messages that one of several clients misses, apart from all others.

        For an endpoint that hands each message to all its clients: the message counts as sent.
        """

    def peer_disconnected(self, peer: ClientAddress) -> None:
        """Report that a peer from which messages came has disconnected."""

    def connection_lost(self, error: Exception) -> None:
        """Reconnect: after a :class:`BackOff` in its seconds, else at growing intervals.

        A send in progress is cancelled, and repeated afterwards.
        """

    def unreachable(self, text: str) -> None:
        """Count and log that the peer cannot be reached, and show it as not connected.

        For protocols without connections. Nothing is closed; messages are still sent.
        """

    def reachable(self) -> None:
        """The peer can be reached again after :meth:`unreachable`."""

    async def until_delivered(self) -> None:
        """Wait until the sinks have delivered or dropped all messages that were received until
        now, or have them on disk. Messages that a route delays are not waited for.

        For an endpoint that acknowledges what it receives.
        """

    def record_ids(self, messages: Sequence[Deliverable]) -> Sequence[str]:
        """For messages that are being sent: the identifier of each on disk, with ``spool``.

        It is the same when the message is sent again, also after a restart, and differs from that
        of any other message. Empty for one that is in memory alone.
        """

    def start_task(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a coroutine until the connection is closed.

        If it raises, that is logged and counted, and the endpoint is connected again.
        """

    def last_values(self) -> list[Message]:
        """The last message of each address that the endpoint was sent, oldest first.

        Empty unless the endpoint's class says ``keeps_last_values = True``.
        """
