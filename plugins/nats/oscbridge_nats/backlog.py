"""Finds out when messages are read more slowly than they arrive, and catches up."""

from __future__ import annotations

import asyncio
from typing import Final

from nats.errors import Error

from oscbridge_nats.client import NATSClient

__all__ = ["CHECK_INTERVAL", "LATE", "Backlog"]

CHECK_INTERVAL: Final = 1.0
"""Seconds between checks."""

LATE: Final = 2.0
"""Seconds that the messages before an answer of the server may take to be read."""

CAUGHT_UP: Final = 600.0
"""Most seconds to catch up; a server ends the connection of a client long before."""


class Backlog:
    """Asks the server for an answer, which comes after all messages that it has sent before.

    A server ends the connection of a client that falls far behind, and then nobody knows how many
    messages were lost.
    """

    def __init__(self) -> None:
        self.is_large = False
        """Whether messages are to be dropped, until those that are waiting have been read."""

    async def watch(self, client: NATSClient) -> None:
        """Check until the connection is lost."""
        self.is_large = False
        while client.is_open:
            await asyncio.sleep(CHECK_INTERVAL)
            try:
                await client.flush(timeout=LATE)  # type: ignore[arg-type]
                continue
            except Error:
                self.is_large = client.is_open
            try:
                await client.flush(timeout=CAUGHT_UP)  # type: ignore[arg-type]
            except Error:
                return  # the connection is lost
            finally:
                self.is_large = False
