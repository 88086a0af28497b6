"""The other side of an endpoint, as the conformance suite needs it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from oscbridge.errors import OSCBridgeError
from oscbridge.osc import Message
from oscbridge.toml_text import TomlTable

__all__ = ["Peer", "PeerMissing"]


class PeerMissing(OSCBridgeError):
    """The program that a peer runs is not installed; the text says how to install it."""


class Peer(ABC):
    """What an endpoint connects to, or what connects to it.

    The suite makes one per rule, on the event loop of the rule. A peer must not block the loop;
    it closes a connection that the endpoint closes, and after :meth:`kill` it holds nothing open.
    """

    message: Message = Message.of("/example", 1)
    """A message that the endpoint can deliver to this peer."""
    has_connections: bool = True
    """Whether an endpoint can notice that the peer ends. If not, as with multicast, the rule
    ``peer-loss`` is not run."""

    @property
    @abstractmethod
    def options(self) -> TomlTable:
        """All keys of an ``[endpoint.NAME]`` that leads to this peer, as they are written in TOML.

        Read before :meth:`start`.
        """

    @abstractmethod
    async def start(self) -> None:
        """Be reachable; after :meth:`kill` again, at the same address.

        Raises :class:`PeerMissing` if the program that it needs is not installed.
        """

    @abstractmethod
    async def kill(self) -> None:
        """End at once, as in a power failure: abort the connections. Also without a start."""

    async def join(self, where: str) -> None:  # noqa: B027  # servers need none
        """Connect to the endpoint, if that is a server.

        ``where`` is what ``describe()`` returns. Called after each ``connect`` of the endpoint.
        """

    async def say(self) -> bool:
        """Send one message to the endpoint. Returns False if this peer sends none."""
        return False

    @property
    def is_client(self) -> bool:
        """Whether it connects to the endpoint: whether it has a :meth:`join`."""
        return type(self).join is not Peer.join

    @property
    def received(self) -> int | None:
        """The messages that it has received since it was made; None if it does not count them."""
        return None
