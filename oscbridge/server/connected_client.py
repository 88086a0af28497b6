"""TCP clients as a program sees them that sends to all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from oscbridge.net.socket_address import ClientAddress

__all__ = ["ConnectedClient", "StreamWatcher"]


class ConnectedClient(Protocol):
    """One connected client. From any thread."""

    client: ClientAddress

    @property
    def framing(self) -> str:
        """Its framing, "1.0" or "1.1"; empty until it is known."""

    def offer(self, frames: Sequence[bytes]) -> None:
        """Send framed packets without waiting.

        A client that leaves more than ``max_reply_bytes`` unread, or for ``reply_timeout``
        seconds, is disconnected.
        """


class StreamWatcher(Protocol):
    """Follows the clients of a server. From any thread; it must not wait."""

    def connected(self, client: ConnectedClient) -> None:
        """A client has connected, and its framing is known."""

    def disconnected(self, client: ConnectedClient, missed: int) -> None:
        """It has disconnected, and ``missed`` packets offered to it have not left."""
