"""Publishes retained documents: the status, and discovery documents of Home Assistant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from oscbridge_mqtt.session import BrokerSession

__all__ = ["Announcer"]

MAX_IN_FLIGHT: Final = 10
"""Most documents in flight. Brokers allow few messages, and those of routes need room as well."""

OVERHEAD: Final = 16
"""Most bytes of a PUBLISH packet in addition to topic and payload."""


class Announcer:
    """Publishes documents with QoS 1 as soon as there is room; per topic only the latest.

    ``on_settled`` is called with the topic, the document, and the reason if the broker rejected
    it, otherwise an empty text. Documents that are not settled when the connection is lost have
    to be announced again on the next one.
    """

    def __init__(self, on_settled: Callable[[str, bytes, str], None]) -> None:
        self._on_settled = on_settled
        self._waiting: dict[str, bytes] = {}
        self._in_flight: dict[int, tuple[str, bytes]] = {}

    def begin(self) -> None:
        """Forget the documents of an older connection."""
        self._waiting.clear()
        self._in_flight.clear()

    def announce(self, session: BrokerSession, topic: str, document: bytes) -> None:
        """Publish a document, retained."""
        self._waiting.pop(topic, None)
        self._waiting[topic] = document
        self._publish_waiting(session)

    def acknowledged(self, session: BrokerSession, mid: int, reason: str) -> None:
        """The broker acknowledged a document or another message: there is room."""
        found = self._in_flight.pop(mid, None)
        if found is not None:
            self._on_settled(*found, reason)
        if self._waiting:
            self._publish_waiting(session)

    def _publish_waiting(self, session: BrokerSession) -> None:
        largest = session.limits.packet_size
        while self._waiting and session.has_room and len(self._in_flight) < MAX_IN_FLIGHT:
            topic = next(iter(self._waiting))
            document = self._waiting.pop(topic)
            if len(topic.encode()) + len(document) + OVERHEAD > largest:
                text = f"the broker accepts packets of at most {largest} bytes"
                self._on_settled(topic, document, text)
            else:
                mid = session.publish(topic, document, 1, True)
                self._in_flight[mid] = (topic, document)
