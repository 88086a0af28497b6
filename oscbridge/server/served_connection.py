"""One connection of a TCP server on an event loop, as the server sees it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from oscbridge.net.socket_address import ClientAddress

__all__ = ["ServedConnection"]


class ServedConnection(Protocol):
    """It adds itself to the connections of the server, and removes itself."""

    client: ClientAddress
    closed: asyncio.Future[None]
    """Done when the connection has ended."""

    def pause(self, on: bool) -> None:
        """Pause or resume reading."""

    def close(self) -> None:
        """Close the connection after the unsent replies."""

    def abort(self) -> None:
        """Abort the connection."""
