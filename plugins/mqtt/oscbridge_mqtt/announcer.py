"""Retained documents on their way to the broker: the status, and entities of Home Assistant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oscbridge_mqtt.link import Link

__all__ = ["Announcer"]

AT_ONCE: Final = 10
"""Documents on their way at once. Brokers allow few messages, and those of routes need room."""

OVERHEAD: Final = 16
"""Bytes of a packet beside topic and payload, at most."""


class Announcer:
    """Publishes documents with QoS 1, each when there is room. Of one topic the last counts.

    ``settled`` is told a topic, the document, and why the broker does not take it; empty if it
    does. What is not settled when a connection breaks is to be given again on the next.
    """

    def __init__(self, settled: Callable[[str, bytes, str], None]) -> None:
        self._settled = settled
        self._waiting: dict[str, bytes] = {}
        self._sent: dict[int, tuple[str, bytes]] = {}

    def begin(self) -> None:
        """Forget what an older connection has not taken."""
        self._waiting.clear()
        self._sent.clear()

    def say(self, link: Link, topic: str, document: bytes) -> None:
        """Publish a document, retained."""
        self._waiting.pop(topic, None)
        self._waiting[topic] = document
        self._go_on(link)

    def acknowledged(self, link: Link, mid: int, refused: str) -> None:
        """The broker has answered a message, one of these or another: there is room."""
        found = self._sent.pop(mid, None)
        if found is not None:
            self._settled(*found, refused)
        if self._waiting:
            self._go_on(link)

    def _go_on(self, link: Link) -> None:
        while self._waiting and link.has_room and len(self._sent) < AT_ONCE:
            topic = next(iter(self._waiting))
            document = self._waiting.pop(topic)
            if len(topic.encode()) + len(document) + OVERHEAD > link.limits.packet:
                text = f"it takes packets of at most {link.limits.packet} bytes"
                self._settled(topic, document, text)
            else:
                mid = link.publish(topic, document, 1, True)
                self._sent[mid] = (topic, document)
