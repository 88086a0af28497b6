"""What is subscribed to, and what the broker says about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

import oscbridge
from oscbridge_mqtt.failures import reason_name
from oscbridge_mqtt.options import Subscription

__all__ = ["RESUBSCRIBE", "Subscriptions"]

RESUBSCRIBE: Final = 5.0
"""Seconds before a subscription that was refused is tried again: rights and clusters change."""

PER_PACKET: Final = 8
"""Topics that are subscribed to with one packet; some brokers take no more."""

OVERHEAD: Final = 16
"""Bytes of a packet beside its topics, at most."""

SHOWN: Final = 100
"""Characters of a topic in a line of the log."""


class Subscriptions:
    """The subscriptions of one connection. ``on_refused`` is told a topic and a reason."""

    def __init__(
        self, client: Client, on_refused: Callable[[str, str], None], *, is_5: bool
    ) -> None:
        self._client = client
        self._on_refused = on_refused
        self._is_5 = is_5
        self._asked: dict[int, Sequence[Subscription]] = {}
        self._refused: list[Subscription] = []
        self._again = 0.0

    def begin(self, now: float) -> None:
        """Forget those of an older connection. ``now`` is the loop's time."""
        self._asked.clear()
        self._refused.clear()
        self._again = now + RESUBSCRIBE

    @property
    def waiting(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._asked)

    def ask(self, subscriptions: Sequence[Subscription], largest: int) -> None:
        """Subscribe, with packets of at most ``largest`` bytes.

        Raises :class:`oscbridge.NotConnected`.
        """
        together: list[Subscription] = []
        size = OVERHEAD
        for one in subscriptions:
            needed = len(one.topic.encode()) + 3
            if OVERHEAD + needed > largest:
                text = f"it takes packets of at most {largest} bytes"
                self._on_refused(one.topic[:SHOWN], text)
                continue
            if together and (len(together) == PER_PACKET or size + needed > largest):
                self._send(together)
                together, size = [], OVERHEAD
            together.append(one)
            size += needed
        if together:
            self._send(together)

    def _send(self, subscriptions: Sequence[Subscription]) -> None:
        filters = [
            (one.topic, self._details(one) if self._is_5 else one.qos) for one in subscriptions
        ]
        _, mid = self._client.subscribe(filters)  # type: ignore[arg-type]
        if mid is None:
            raise oscbridge.NotConnected
        self._asked[mid] = subscriptions

    def _details(self, one: Subscription) -> SubscribeOptions:
        return SubscribeOptions(
            one.qos,
            noLocal=not one.topic.startswith("$share/"),  # MQTT 5.0, section 3.8.3.1
            retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND
            if one.retained == "ignore"
            else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE,
        )

    def look(self, topic: str) -> None:
        """Have what is retained replayed, also what this client has published.

        It does not matter if the broker refuses.
        """
        if self._is_5:
            self._client.subscribe(topic, options=SubscribeOptions(0, noLocal=False))
        else:
            self._client.subscribe(topic)

    def end(self, topic: str) -> None:
        """Subscribe to a topic no longer."""
        self._client.unsubscribe(topic)

    def answered(self, mid: int, reasons: Sequence[ReasonCode]) -> None:
        """What the broker says; what it refuses is tried again later."""
        for subscription, reason in zip(self._asked.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self._refused.append(subscription)
                self._on_refused(subscription.topic, reason_name(reason))

    def try_again(self, now: float, largest: int) -> None:
        """Subscribe to what was refused, if it is time."""
        if self._refused and now >= self._again:
            self._again = now + RESUBSCRIBE
            refused, self._refused = self._refused, []
            self.ask(refused, largest)
