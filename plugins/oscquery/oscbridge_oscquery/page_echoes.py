"""Pages that send what nobody has set: zeros when they are loaded, and values that they receive.

oscqueryhtml does both. A fader that moves on a mixer would be sent back to it, a little later.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from oscbridge_oscquery.packet_key import packet_key

__all__ = ["ECHO_TIME", "QUIET_TIME", "PageEchoes"]

QUIET_TIME: Final = 1.0
"""Seconds after the connection of a page in which it sets nothing: it sends initial values."""

ECHO_TIME: Final = 1.0
"""Seconds in which a page may send back a value that it was sent."""

MAX_SENT: Final = 4_096
"""Values that are remembered for a page."""


class PageEchoes:
    """Recognises what the page of one client sends by itself."""

    def __init__(self, now: float) -> None:
        """``now``: seconds of a clock, as for the methods."""
        self._quiet_until = now + QUIET_TIME
        self._sent: OrderedDict[bytes, tuple[float, int]] = OrderedDict()
        """When each packet was sent for the last time, and how often."""

    def sent(self, packet: bytes, now: float) -> None:
        """A packet was sent to the page."""
        key = packet_key(packet)
        _, count = self._sent.pop(key, (0.0, 0))
        self._sent[key] = (now, count + 1)
        if len(self._sent) > MAX_SENT:
            self._sent.popitem(last=False)

    def is_initial(self, now: float) -> bool:
        """Whether the page may still be loading."""
        return now < self._quiet_until

    def is_echo(self, packet: bytes, now: float) -> bool:
        """Whether a packet was just sent to the page; each as often as it was sent."""
        key = packet_key(packet)
        then, count = self._sent.pop(key, (0.0, 0))
        if count > 1:
            self._sent[key] = (then, count - 1)
        return count > 0 and now - then <= ECHO_TIME
