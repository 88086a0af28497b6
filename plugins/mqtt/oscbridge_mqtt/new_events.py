"""Holds the first events of a new entity until Home Assistant has subscribed to them.

Home Assistant subscribes to the topic of an event entity after it has read its document. An event
is not retained: one that is published together with the document reaches nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import oscbridge
from oscbridge_mqtt.homeassistant import Announcement

__all__ = ["EVENT_DELAY", "NewEvents", "held_back"]

EVENT_DELAY: Final = 1.0
"""Seconds from the document of an event entity to its first event. Home Assistant 2024.3
subscribes 0.1 s after a document."""

MAX_KNOWN: Final = 2_000
"""Most documents that are remembered; then all are forgotten."""


class NewEvents:
    """The event entities that were announced just now, by the topics of their documents."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ready: dict[str, float] = {}
        """When Home Assistant has subscribed."""

    def announced(self, entity: Announcement) -> None:
        """The document of an entity is published, for the first time or again."""
        if entity.entity.component == "event" and entity.topic not in self._ready:
            self._keep(entity.topic, self._clock() + EVENT_DELAY)

    def found(self, topic: str) -> None:
        """The broker had the document already, from an earlier start."""
        self._keep(topic, 0.0)

    def removed(self, topic: str) -> None:
        """The entity is removed: a new one with its topic is subscribed to again."""
        self._ready.pop(topic, None)

    def wait(self, entity: Announcement | None) -> float:
        """Seconds until an event of an entity can be published; 0 for other entities."""
        if entity is None or entity.entity.component != "event":
            return 0.0
        return max(0.0, self._ready.get(entity.topic, 0.0) - self._clock())

    def _keep(self, topic: str, ready: float) -> None:
        if len(self._ready) >= MAX_KNOWN:
            self._ready.clear()
        self._ready[topic] = ready


def held_back(seconds: float) -> oscbridge.BackOff | None:
    """Why events are not published yet; None if they are."""
    if not seconds:
        return None
    text = f"the first event of a new entity waits {EVENT_DELAY:g} s until it has subscribers"
    return oscbridge.BackOff(seconds, text)
