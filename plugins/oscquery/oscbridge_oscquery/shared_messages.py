"""Messages of clients that other clients were sent already, before a route brings them back."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import oscbridge
from oscbridge_oscquery.packet_key import packet_key

__all__ = ["SharedMessages"]

MAX_REMEMBERED: Final = 4_096
"""Messages that may be on their way through the routes."""


class SharedMessages:
    """Remembers messages until they come back; the oldest ones are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[object, bytes], int] = OrderedDict()

    def add(self, peer: object, packet: bytes) -> None:
        """Remember a message of a client, as it is encoded."""
        key = (peer, packet_key(packet))
        self._counts[key] = self._counts.pop(key, 0) + 1
        if len(self._counts) > MAX_REMEMBERED:
            self._counts.popitem(last=False)

    def take(self, message: oscbridge.Message) -> bool:
        """Whether this is one of them; each is found as often as it was added."""
        if not self._counts or message.origin is None:
            return False
        try:
            key = (message.origin.peer, packet_key(oscbridge.encode_message(message)))
        except oscbridge.EncodeError:
            return False
        count = self._counts.pop(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        return count > 0
