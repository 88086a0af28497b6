"""Subscribes, handles the broker's answers, and retries what it rejects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

import oscbridge
from oscbridge_mqtt.failures import reason_name
from oscbridge_mqtt.subscription import Subscription

__all__ = ["RESUBSCRIBE", "Subscriptions"]

RESUBSCRIBE: Final = 5.0
"""Seconds after which a rejected subscription is retried: rights and clusters change."""

PER_PACKET: Final = 8
"""Most topics per SUBSCRIBE packet; some brokers accept no more."""

OVERHEAD: Final = 21
"""Most bytes of a SUBSCRIBE packet in addition to its topics."""

SHOWN: Final = 100
"""Most characters of a topic in a log line."""


class Subscriptions:
    """The subscriptions of one connection.

    ``on_answer`` is called with a topic, and the reason if it was rejected. ``identifier`` gives
    the subscription identifier of a topic, 0 for none.
    """

    def __init__(
        self, client: Client, on_answer: Callable[[str, str], None],
        identifier: Callable[[str], int], *, is_5: bool,
    ) -> None:  # fmt: skip
        self._client = client
        self._on_answer = on_answer
        self._identifier = identifier
        self._is_5 = is_5
        self._unanswered: dict[int, Sequence[Subscription]] = {}
        self._rejected: list[Subscription] = []
        self._retry_at = 0.0

    def begin(self, now: float) -> None:
        """Forget those of an older connection. ``now`` is the loop's time, in seconds."""
        self._unanswered.clear()
        self._rejected.clear()
        self._retry_at = now + RESUBSCRIBE

    @property
    def has_unanswered(self) -> bool:
        """Whether the broker has yet to answer a subscription."""
        return bool(self._unanswered)

    def subscribe(self, subscriptions: Sequence[Subscription], packet_size: int) -> None:
        """Subscribe, with packets of at most ``packet_size`` bytes.

        Raises :class:`oscbridge.NotConnected`.
        """
        together: list[Subscription] = []
        size = OVERHEAD
        for one in subscriptions:
            needed = len(one.topic.encode()) + 3
            if OVERHEAD + needed > packet_size:
                text = f"the broker accepts packets of at most {packet_size} bytes"
                self._on_answer(one.topic[:SHOWN], text)
                continue
            if identifier := self._identifier(one.topic):
                self._send([one], identifier)  # an identifier is that of a whole packet
                continue
            if together and (len(together) == PER_PACKET or size + needed > packet_size):
                self._send(together)
                together, size = [], OVERHEAD
            together.append(one)
            size += needed
        if together:
            self._send(together)

    def _send(self, subscriptions: Sequence[Subscription], identifier: int = 0) -> None:
        filters = [
            (one.topic, self._details(one) if self._is_5 else one.qos) for one in subscriptions
        ]
        properties = None
        if identifier:
            properties = Properties(PacketTypes.SUBSCRIBE)  # type: ignore[no-untyped-call]
            properties.SubscriptionIdentifier = identifier
        _, mid = self._client.subscribe(filters, properties=properties)  # type: ignore[arg-type]
        if mid is None:
            raise oscbridge.NotConnected
        self._unanswered[mid] = subscriptions

    def _details(self, one: Subscription) -> SubscribeOptions:
        return SubscribeOptions(
            one.qos,
            noLocal=not one.topic.startswith("$share/"),  # MQTT 5.0, section 3.8.3.1
            retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND
            if one.retained == "ignore"
            else SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE,
        )

    def subscribe_to_own(self, topic: str) -> None:
        """Subscribe to retained messages, also those that this client published.

        A rejection is ignored.
        """
        if self._is_5:
            self._client.subscribe(topic, options=SubscribeOptions(0, noLocal=False))
        else:
            self._client.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        """End the subscription to a topic."""
        self._client.unsubscribe(topic)

    def answered(self, mid: int, reasons: Sequence[ReasonCode]) -> None:
        """The broker answered a SUBSCRIBE packet; rejected topics are retried later."""
        for subscription, reason in zip(self._unanswered.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self._rejected.append(subscription)
            self._on_answer(subscription.topic, reason_name(reason) if reason.is_failure else "")

    def retry(self, now: float, packet_size: int) -> None:
        """Subscribe again to rejected topics, when it is time."""
        if self._rejected and now >= self._retry_at:
            self._retry_at = now + RESUBSCRIBE
            rejected, self._rejected = self._rejected, []
            self.subscribe(rejected, packet_size)
