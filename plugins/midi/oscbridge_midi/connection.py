"""A place to send MIDI to, as the endpoint sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["MidiConnection"]


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
