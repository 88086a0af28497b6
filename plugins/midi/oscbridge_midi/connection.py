"""A place to send MIDI to, as the endpoint sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["MidiConnection", "NetworkConnection"]


class MidiConnection(Protocol):
    """A port or a network connection."""

    max_size: int
    """The largest message that it can send, in bytes."""

    @property
    def name(self) -> str:
        """A human-readable name."""

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order. Raises :class:`oscbridge.NotConnected`."""

    async def close(self) -> None:
        """Close it."""


class NetworkConnection(MidiConnection, Protocol):
    """A connection that this process writes to."""

    def send_now(self, messages: Sequence[bytes], when_ns: int = 0) -> None:
        """Send messages without waiting, e.g. ticks of a clock. Without a peer they are lost.

        ``when_ns`` is the monotonic time that they are from, if that is not now.
        """
