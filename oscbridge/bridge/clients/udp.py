"""The UDP clients of a bridge: heard and sent to by its listening socket."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from oscbridge.bridge.clients.outgoing import CLOSED, ClientLink, ClientSink, Outgoing
from oscbridge.bridge.clients.registry import ClientRegistry, RegisteredClient
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.errors import NotConnected
from oscbridge.net.allowlist import AllowList
from oscbridge.net.socket_address import ClientAddress
from oscbridge.net.udp_errors import report_errors, take_unreachable
from oscbridge.net.udp_receive import DONT_WAIT, OnBatch, may_be_osc

__all__ = ["UDPClientLink"]

TURN: Final = 64
"""Datagrams after which other tasks run on the event loop."""

SEND_TIMEOUT: Final = 0.05
"""Seconds to wait for room in the send buffer of the socket before a datagram is dropped."""


class BatchReader(Protocol):
    """The server that reads the socket."""

    on_batch: OnBatch | None


class UDPClientLink:
    """Registers senders and sends to them.

    ``reader`` reads the socket in this process. Without one, another process does, and takes the
    errors of the socket: :meth:`reported` and :meth:`asked` take what it reports.
    """

    max_packet_size = 65_507

    def __init__(
        self, sock: socket.socket, allow: AllowList, reader: BatchReader | None = None
    ) -> None:
        self._socket = sock
        self._address: object = sock.getsockname()
        self._reader = reader
        self._registry = ClientRegistry(allow, time.monotonic, self._refused)
        self._options: BridgeClientOptions | None = None
        self._sink: ClientSink | None = None
        self.is_open = True

    def close(self) -> None:
        """Send nothing more: the socket is about to be closed."""
        self.is_open = False

    @property
    def count(self) -> int:
        return len(self._registry.current())

    def serve(self, options: BridgeClientOptions | None, sink: ClientSink | None) -> None:
        if (options is None) != (self._options is None):
            report_errors(self._socket, options is not None)
            if self._reader is not None:
                self._reader.on_batch = None if options is None else self.received
        if options is not None and options != self._options:
            targets = (self._target(each.host, each.port) for each in options.static)
            self._registry.configure(options, [each for each in targets if each is not None])
        if options is None or sink is self._sink:
            self._options, self._sink = options, sink
            return
        self._options, self._sink = options, sink
        if sink is not None:
            for client in self._registry.inactive():  # an earlier sink had to welcome them
                sink.welcome(client)

    def take_over(self, closed: ClientLink) -> None:
        if not isinstance(closed, UDPClientLink):
            return
        if (closed._address, closed._options) == (self._address, self._options):
            self._registry.adopt(closed._registry)
            if self._sink is not None:
                for client in self._registry.inactive():
                    self._sink.welcome(client)

    def _target(self, host: str, port: int) -> ClientAddress | None:
        """The form of an address that the socket can send to; None for the other family."""
        is_v4 = ipaddress.ip_address(host).version == 4
        if self._socket.family == socket.AF_INET:
            return (host, port) if is_v4 else None
        return (f"::ffff:{host}" if is_v4 else host, port, 0, 0)

    # --- what the server hears ---------------------------------------------------------------

    def received(self, batch: Sequence[tuple[bytes, ClientAddress]]) -> None:
        """Register the senders of datagrams; without any, take the errors of the socket."""
        options = self._options
        if options is None:
            return
        if not batch:
            for address in take_unreachable(self._socket):
                self.unreachable(address)
            return
        now, registry = time.monotonic(), self._registry
        if len(batch) == 1:
            ((data, sender),) = batch
            if not registry.renew(sender, now):
                self._greet(options, sender, data)
            return
        for sender, data in {sender: data for data, sender in batch}.items():
            if not registry.renew(sender, now):
                self._greet(options, sender, data)

    def reported(self, sender: ClientAddress, is_reachable: bool) -> None:
        """Take what the process that reads the socket reports: a sender, or a client away."""
        options = self._options
        if not is_reachable:
            self.unreachable(sender)
        elif options is not None and not self._registry.renew(sender, time.monotonic()):
            self._greet(options, sender, b"/")

    def asked(self, client: ClientAddress, address: str) -> None:
        """Take what the process that reads the socket reports: the senders of routed messages."""
        if self._sink is not None:
            self._sink.asked(client, address)

    @property
    def options(self) -> BridgeClientOptions | None:
        """The options of the clients; None without a sink."""
        return self._options

    def renew(self, client: ClientAddress, *, subscribes: bool) -> None:
        options = self._options
        if options is None:
            return
        if subscribes or options.subscribe is None:
            self._add(client)
        else:
            self._registry.renew(client, time.monotonic())

    def unreachable(self, address: ClientAddress) -> None:
        """Forget a client at whose port no program listens."""
        self._registry.remove(address)

    def _greet(self, options: BridgeClientOptions, sender: ClientAddress, data: bytes) -> None:
        """Register a new sender, if that does not require a message and it speaks OSC."""
        if options.subscribe is None and may_be_osc(data):
            self._add(sender)

    def _add(self, sender: ClientAddress) -> None:
        new = self._registry.add(sender)
        sink = self._sink
        if new is not None and sink is not None and self._registry.options.snapshot:
            sink.welcome(new)

    def _refused(self, text: str) -> None:
        sink = self._sink
        if sink is not None:
            sink.refused(text)

    # --- what the sink sends -----------------------------------------------------------------

    def activate(self, client: ClientAddress, packets: Sequence[bytes]) -> None:
        if self._registry.activate(client):
            self._report(Counter(self._try_to_send(packet, client) for packet in packets))

    async def send(self, messages: Sequence[Outgoing]) -> None:
        clients = self._registry.current()
        losses: Counter[str] = Counter()
        sent = 0
        for message in messages:
            for client in self._recipients(clients, message):
                if not self.is_open:
                    raise NotConnected(CLOSED)
                loss = self._try_to_send(message.packet, client.address)
                if loss == FULL:
                    await self._writable()
                    loss = self._try_to_send(message.packet, client.address)
                losses[loss] += 1
                sent += 1
                if sent % TURN == 0:
                    await asyncio.sleep(0)
        self._report(losses)

    def _recipients(
        self, clients: list[RegisteredClient], message: Outgoing
    ) -> list[RegisteredClient]:
        if message.only is not None:
            only = {self._registry.key(each) for each in message.only}
            clients = [each for each in clients if each.address in only]
        if message.source is not None:
            source = self._registry.key(message.source)
            clients = [each for each in clients if each.address != source]
        return clients

    def _try_to_send(self, packet: bytes, address: ClientAddress) -> str:
        """Send a datagram without waiting. Returns the reason why it was not sent, or ""."""
        if not self.is_open:
            return UNREACHABLE
        for _ in range(2):  # the first error may be about an earlier datagram
            try:
                self._socket.sendto(packet, DONT_WAIT, address)
            except BlockingIOError:
                return FULL
            except OSError:
                if self._reader is not None:
                    self.received(())
                continue
            return ""
        return UNREACHABLE

    async def _writable(self) -> None:
        """Wait a moment for room in the send buffer."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_writer(self._socket, ready.set)
        except (NotImplementedError, OSError, ValueError):
            return
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(SEND_TIMEOUT):
                    await ready.wait()
        finally:
            if self._socket.fileno() >= 0:
                loop.remove_writer(self._socket)

    def _report(self, losses: Counter[str]) -> None:
        """Report datagrams by the reason why they were not sent."""
        sink = self._sink
        for reason, why in _REASONS.items():
            if losses[reason] and sink is not None:
                sink.missed(reason, losses[reason], why)


FULL: Final = "send_buffer"
UNREACHABLE: Final = "unreachable"
"""Reasons why a client misses a message."""

_REASONS: Final = {
    FULL: "the send buffer of the socket is full",
    UNREACHABLE: "the system knows no way to a client",
}
