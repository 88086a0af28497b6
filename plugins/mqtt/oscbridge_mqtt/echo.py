"""Recent publications, to recognise their echoes from the broker.

MQTT 5 has the flag "no local" for this purpose. MQTT 3.1.1 has not, and shared subscriptions
must not use it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.topic import wildcard_parts, without_share

__all__ = ["ECHO_SECONDS", "MAX_ECHOES", "EchoFilter", "Echoes"]

MAX_ECHOES: Final = 10_000
"""Most publications remembered at once."""

ECHO_SECONDS: Final = 5.0
"""Seconds for which a publication is remembered."""


class Echoes:
    """Remembers topics with their payloads; the oldest are forgotten first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue: deque[tuple[float, int]] = deque()
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, topic: str, payload: bytes) -> None:
        """Remember a publication."""
        now = self._clock()
        self._expire(now)
        key = hash((topic, payload))
        self._queue.append((now + ECHO_SECONDS, key))
        self._counts[key] = self._counts.get(key, 0) + 1
        if len(self._queue) > MAX_ECHOES:
            self._forget_oldest()

    def take(self, topic: str, payload: bytes) -> bool:
        """Whether this is the echo of a publication; each has one echo."""
        self._expire(self._clock())
        key = hash((topic, payload))
        count = self._counts.get(key, 0)
        if count:
            self._counts[key] = count - 1
        return count > 0

    def _expire(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, key = self._queue.popleft()
        count = self._counts.get(key, 0)
        if count > 1:
            self._counts[key] = count - 1
        else:
            self._counts.pop(key, None)


class EchoFilter:
    """Recognises an endpoint's own publications that its subscriptions deliver as well."""

    def __init__(self, options: MQTTOptions) -> None:
        self._echoes = Echoes()
        self._filters = [
            without_share(one.topic)
            for one in options.subscribe
            if options.version != "5" or one.topic.startswith("$share/")
        ]

    def __bool__(self) -> bool:
        return bool(self._filters)

    def expect(self, topic: str, payload: bytes) -> None:
        """Note a publication, if a subscription delivers it."""
        if any(wildcard_parts(text, topic) is not None for text in self._filters):
            self._echoes.add(topic, payload)

    def take(self, topic: str, payload: bytes) -> bool:
        """Whether this is the echo of a publication; each has one echo."""
        return bool(self._filters) and self._echoes.take(topic, payload)
