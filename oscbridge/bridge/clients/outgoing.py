"""What the sink of a bridge gives to a link, and what a link offers to the sink."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

from oscbridge.bridge.config.client_models import BridgeClientOptions
from oscbridge.net.socket_address import ClientAddress

__all__ = ["CLOSED", "ClientLink", "ClientSink", "Outgoing"]

CLOSED: Final = "the bridge does not listen"
"""Why nothing can be sent, in words."""


class Outgoing(NamedTuple):
    """An encoded message and the clients that get it."""

    packet: bytes
    source: ClientAddress | None = None
    """The client that it came from, which does not get it."""
    only: Collection[ClientAddress] | None = None
    """The clients that get it; None for all."""


class ClientSink(Protocol):
    """The sink, as a link sees it. From any thread."""

    def welcome(self, client: ClientAddress) -> None:
        """Called with each new client, if there are snapshots: the sink activates it."""

    def asked(self, client: ClientAddress, address: str) -> None:
        """Note that a client has sent a message that is routed."""

    def missed(self, reason: str, count: int, why: str) -> None:
        """Count and log messages that a client misses."""

    def refused(self, text: str) -> None:
        """Count and log a client that is not accepted."""


class ClientLink(Protocol):
    """The clients of one listening server. On the event loop, but for :meth:`renew`."""

    max_packet_size: int
    """Bytes of the largest packet that it can send."""

    @property
    def is_open(self) -> bool:
        """Whether its server listens."""

    def close(self) -> None:
        """Send nothing more: the server is about to stop."""

    @property
    def count(self) -> int:
        """Clients that get messages now."""

    def serve(self, options: BridgeClientOptions | None, sink: ClientSink | None) -> None:
        """Register clients from now on, for a sink, or stop that. Known clients stay."""

    def take_over(self, closed: ClientLink) -> None:
        """Continue with the clients of another link, which is closed, if they can still be reached
        in the same way: at the same address of this bridge and with the same options.
        """

    def renew(self, client: ClientAddress, *, subscribes: bool) -> None:
        """A client has sent a message that is not routed, perhaps to subscribe. Any thread."""

    def activate(self, client: ClientAddress, packets: Sequence[bytes]) -> None:
        """Send a new client its first packets; from now on it gets all others."""

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Send messages to the clients, in order for each. What one misses is reported."""
