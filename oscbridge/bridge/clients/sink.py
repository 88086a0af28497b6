"""A bridge as a sink: sends messages to the clients of its server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, cast

from oscbridge.bridge.clients.answers import Answers
from oscbridge.bridge.clients.outgoing import CLOSED, ClientLink, Outgoing
from oscbridge.bridge.clients.outgoing_bundles import OutgoingBundles
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.contract.abilities import Reconfigurable, Serving
from oscbridge.contract.endpoint import Endpoint
from oscbridge.dispatch.absorbing_map import AbsorbingMap
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.forwarded_tag import ForwardedTag
from oscbridge.dispatch.handler import Handler
from oscbridge.errors import BackOff, BadMessage, EncodeError, NotConnected, PartialDelivery
from oscbridge.net.socket_address import ClientAddress
from oscbridge.osc import Message, encode_message

__all__ = ["BRIDGE", "BridgeSink"]

BRIDGE: Final = "bridge"
"""The type of a bridge as a sink, in the status."""

LISTEN_RETRY: Final = 0.2
"""Seconds until a sink looks again whether its bridge listens."""

RESTART_TIME: Final = 2.0
"""Seconds in which a reload may replace the server of a bridge before that is a problem."""


class BridgeSink(Endpoint[BridgeClientOptions], Reconfigurable[BridgeClientOptions], Serving):
    """The sink of the bridge with its name: to it, its clients are one sink.

    The clients belong to the server, which outlives this sink: :meth:`use` connects both. A
    message counts as sent when it was offered to all clients; what one of them misses is counted
    apart.
    """

    policy = "drop_oldest"
    on_start = "retry"
    keeps_bundles = True

    def __init__(self, name: str, options: BridgeClientOptions) -> None:
        super().__init__(name, options)
        self.log = logging.getLogger(f"oscbridge.sink.bridge.{name}")
        self.absorbed = 0
        """Messages that were not routed: they only keep a client known, or subscribe it."""
        self._link: ClientLink | None = None
        self._closed: ClientLink | None = None
        """The link of the server before, until there is another one."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loss: asyncio.TimerHandle | None = None
        """Reports that the bridge does not listen, unless it does so soon."""
        self._new: list[ClientAddress] = []
        """Clients that wait for their snapshot."""
        self._is_sending = False
        self._answers = Answers()
        """Used with ``answers = "asker"``."""

    @property
    def keeps_last_values(self) -> bool:
        return self.options.snapshot

    def describe(self) -> str:
        count = self.client_count
        return f"{count} client{'' if count == 1 else 's'} of bridge.{self.name}"

    @property
    def client_count(self) -> int:
        return 0 if self._link is None else self._link.count

    def use(self, link: ClientLink | None) -> None:
        """Send to the clients of another server; None while the bridge does not listen."""
        before, self._link = self._link, link
        self._loop = asyncio.get_running_loop()
        if link is not None:
            self._cancel_loss()
            link.serve(self.options, self)
            closed, self._closed = self._closed or before, None
            if closed is not None and closed is not link:
                link.take_over(closed)
        elif before is not None:
            self._closed = before
            lost = NotConnected(CLOSED)
            self._loss = self._loop.call_later(RESTART_TIME, self.host.connection_lost, lost)

    def _cancel_loss(self) -> None:
        if self._loss is not None:
            self._loss.cancel()
            self._loss = None

    async def connect(self) -> None:
        if self._link is None or not self._link.is_open:
            raise BackOff(LISTEN_RETRY, CLOSED)

    async def close(self) -> None:
        self._cancel_loss()
        self._new.clear()

    def update(self, options: BridgeClientOptions) -> bool:
        if options.snapshot != self.options.snapshot:
            return False  # the bridge keeps last values for this endpoint, or does not
        if options.answers != "asker":
            self._answers.clear()  # values are not followed meanwhile
        if self._link is not None:
            self._link.serve(options, self)
        return True

    def address_map(self, options: BridgeClientOptions) -> AddressMap:
        """A map for the routes of the bridge; some messages are for this sink instead."""
        absorb = Handler(self.absorb, [], _needs_message=True)
        asked = Handler(self._witness, [], _needs_message=True)
        return AbsorbingMap(options.absorbed, absorb, asked if options.answers == "asker" else None)

    # --- sending -----------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[Message]) -> None:
        link = self._link
        if link is None or not link.is_open:
            raise NotConnected(CLOSED)
        answers = self._answers.batch() if self.options.answers == "asker" else None
        bundles = OutgoingBundles(link.max_packet_size)
        packets = bundles.packets
        rejected: dict[int, BadMessage] = {}
        for index, message in enumerate(messages):
            try:
                packet = encode_message(message)
            except EncodeError as error:
                rejected[index] = BadMessage(str(error))
                continue
            if len(packet) > link.max_packet_size:
                text = f"{message.address}: {len(packet)} bytes exceed {link.max_packet_size}"
                rejected[index] = BadMessage(text)
                continue
            only = None if answers is None else answers.askers(message.address, packet)
            outgoing = Outgoing(packet, self._source_of(message), only)
            if message.timetag is not None and isinstance(message.timetag, ForwardedTag):
                bundles.add(outgoing, message.timetag)
            else:
                packets.append(outgoing)
        self._is_sending = True
        try:
            await link.send(bundles.close())
            if answers is not None:
                answers.sent()
        finally:
            self._is_sending = False
            if self._new:  # after these messages have become last values
                asyncio.get_running_loop().call_soon(self._welcome_all)
        if rejected:
            sent = [index for index in range(len(messages)) if index not in rejected]
            raise PartialDelivery(sent, rejected)

    def _source_of(self, message: Message) -> ClientAddress | None:
        """The client that a message came from, if it is one and must not get it."""
        origin = message.origin
        if origin is None or origin.source != self.name or self.options.echo:
            return None
        return cast(ClientAddress, origin.peer) if isinstance(origin.peer, tuple) else None

    # --- for the link: from any thread ---------------------------------------------------------

    def absorb(self, message: Message) -> None:
        """Keep the sender of a message known that is not routed, or subscribe it."""
        self.absorbed += 1
        origin, link = message.origin, self._link
        if link is not None and origin is not None and isinstance(origin.peer, tuple):
            subscribes = message.address == self.options.subscribe
            link.renew(cast(ClientAddress, origin.peer), subscribes=subscribes)

    def asked(self, client: ClientAddress, address: str) -> None:
        self._answers.asked(client, address)

    def _witness(self, message: Message) -> None:
        """Note the client that has sent a routed message."""
        origin = message.origin
        if origin is not None and isinstance(origin.peer, tuple):
            self._answers.asked(cast(ClientAddress, origin.peer), message.address)

    def welcome(self, client: ClientAddress) -> None:
        self._call(self._welcome, client)

    def missed(self, reason: str, count: int, why: str) -> None:
        self.host.client_dropped(reason, count, why)

    def refused(self, text: str) -> None:
        self._call(self.host.refused, text)

    def _call(self, function: object, argument: object) -> None:
        """Call a function on the event loop."""
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(function, argument)  # type: ignore[arg-type]
            except RuntimeError:
                pass  # the loop is closed

    def _welcome(self, client: ClientAddress) -> None:
        self._new.append(client)
        if not self._is_sending:
            self._welcome_all()

    def _welcome_all(self) -> None:
        """Send new clients the last values; later messages they get like all others."""
        if self._is_sending or self._link is None:
            return
        new, self._new = self._new, []
        if not new:
            return
        packets = [encode_message(message) for message in self.host.last_values()]
        for client in new:
            self._link.activate(client, packets)
