"""A bridge as a sink: sends messages to the clients of its server."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, cast

from oscbridge.abilities import Reconfigurable, Serving
from oscbridge.bridge.clients.outgoing import CLOSED, ClientLink, Outgoing
from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.bridge.routes.config import MAX_ADDRESSES
from oscbridge.dispatch.absorbing_map import AbsorbingMap
from oscbridge.dispatch.address_map import AddressMap
from oscbridge.dispatch.handler import ClientAddress, Handler
from oscbridge.endpoint import Endpoint
from oscbridge.errors import BackOff, BadMessage, EncodeError, NotConnected, PartialDelivery
from oscbridge.osc import Argument, Message, encode_message

__all__ = ["BRIDGE", "BridgeSink"]

BRIDGE: Final = "bridge"
"""The type of a bridge as a sink, in the status."""

LISTEN_RETRY: Final = 0.2
"""Seconds until a sink looks again whether its bridge listens."""

RESTART_TIME: Final = 2.0
"""Seconds in which a reload may replace the server of a bridge before that is a problem."""

ASK_TIME: Final = 1.0
"""Seconds within which a message that repeats a value is the answer to a question."""

MAX_ASKED: Final = 1_024
"""Addresses whose askers are known, and askers of one address. A full table is cleared."""


class BridgeSink(Endpoint[BridgeClientOptions], Reconfigurable[BridgeClientOptions], Serving):
    """The sink of the bridge with its name: to it, its clients are one sink.

    The clients belong to the server, which outlives this sink: :meth:`use` connects both. A
    message counts as sent when it was offered to all clients; what one of them misses is counted
    apart.
    """

    policy = "drop_oldest"
    on_start = "retry"

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
        self._last: OrderedDict[str, tuple[str | None, tuple[Argument, ...]]] = OrderedDict()
        """With ``answers = "asker"``, the last value of each address."""
        self._asked: dict[str, dict[ClientAddress, float]] = {}
        """When clients last sent a message that was routed, by its address."""
        self._heard: dict[ClientAddress, float] = {}
        """When clients last sent any message that was routed."""

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
        if self._link is not None:
            self._link.serve(options, self)
        return True

    def address_map(self, options: BridgeClientOptions) -> AddressMap:
        """A map for the routes of the bridge; some messages are for this sink instead."""
        absorb = Handler(self.absorb, [], _needs_message=True)
        asked = Handler(self.asked, [], _needs_message=True)
        return AbsorbingMap(options.absorbed, absorb, asked if options.answers == "asker" else None)

    # --- sending -----------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[Message]) -> None:
        link = self._link
        if link is None or not link.is_open:
            raise NotConnected(CLOSED)
        outgoing: list[Outgoing] = []
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
            outgoing.append(Outgoing(packet, self._source_of(message), self._askers(message)))
        self._is_sending = True
        try:
            await link.send(outgoing)
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

    # --- answers -----------------------------------------------------------------------------

    def asked(self, message: Message) -> None:
        """Note who has sent a message that is routed. From any thread."""
        origin = message.origin
        if origin is None or not isinstance(origin.peer, tuple):
            return
        askers = self._asked.get(message.address)
        if askers is None:
            if len(self._asked) >= MAX_ASKED:
                self._asked = {}
            askers = self._asked.setdefault(message.address, {})
        peer, now = cast(ClientAddress, origin.peer), time.monotonic()
        for known in (askers, self._heard):
            if len(known) >= MAX_ASKED:
                known.clear()
            known[peer] = now

    def _askers(self, message: Message) -> list[ClientAddress] | None:
        """The clients for which a message is the answer; None if it is for all."""
        if self.options.answers != "asker" or self._link is None:
            return None
        last, value = self._last, (message.types, message.args)
        is_repeated = last.get(message.address) == value
        last[message.address] = value
        last.move_to_end(message.address)
        if len(last) > MAX_ADDRESSES:
            last.popitem(last=False)
        if not is_repeated:
            return None
        since = time.monotonic() - ASK_TIME
        asked = self._asked.get(message.address, {})
        return _since(since, asked) or _since(since, self._heard) or None

    # --- for the link: from any thread ---------------------------------------------------------

    def absorb(self, message: Message) -> None:
        """Keep the sender of a message known that is not routed, or subscribe it."""
        self.absorbed += 1
        origin, link = message.origin, self._link
        if link is not None and origin is not None and isinstance(origin.peer, tuple):
            subscribes = message.address == self.options.subscribe
            link.renew(cast(ClientAddress, origin.peer), subscribes=subscribes)

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


def _since(since: float, asked: dict[ClientAddress, float]) -> list[ClientAddress]:
    """The clients that were heard since a time."""
    return [client for client, when in asked.copy().items() if when >= since]
