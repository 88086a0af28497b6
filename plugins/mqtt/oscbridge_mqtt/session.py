"""One session at a broker: publishing, subscribing, keepalive, and the broker's answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.broker import BrokerURL
from oscbridge_mqtt.connection import BrokerConnection
from oscbridge_mqtt.failures import reason_name
from oscbridge_mqtt.limits import BrokerLimits
from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.packets import publish_first, publish_packet, topic_header
from oscbridge_mqtt.subscription import Subscription
from oscbridge_mqtt.subscriptions import Subscriptions
from oscbridge_mqtt.wrong_scheme import scheme_problem

__all__ = ["BrokerSession"]

SUBACK_TIMEOUT: Final = 2.0
"""Seconds that a connect waits for subscriptions; a cluster may take longer to agree."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for a graceful disconnect. The bridge allows little more."""

KEEPALIVE_CHECK: Final = 1.0
"""Seconds between checks of the keepalive."""

FIRST_OWN_MID: Final = 0x8000
"""The first packet identifier of our own packets; paho counts from 1, for QoS 2 only."""

FIRST_FAILURE: Final = 0x80
"""The first reason code that is a failure (MQTT 5.0, section 2.4)."""


class SessionListener(Protocol):
    """Receives the events of a session, on the event loop."""

    def receiving(self) -> AbstractContextManager[None]:
        """Called around the reading of messages."""

    def on_message(self, message: MQTTMessage) -> None:
        """The broker delivered a message."""

    def on_acknowledged(self, mid: int, reason: str) -> None:
        """The broker acknowledged a message; ``reason`` is empty unless it rejected it."""

    def on_subscription_answered(self, topic: str, reason: str) -> None:
        """The broker granted a subscription; ``reason`` is empty unless it rejected it."""

    def subscription_identifier(self, topic: str) -> int:
        """The identifier of a subscription, 0 for none."""

    def on_connection_lost(self, error: Exception) -> None:
        """The connection is closed."""


class BrokerSession:
    """A session whose connection can be opened again after it was closed.

    ``status`` is the topic of the status; if it is empty, nothing is published.
    """

    def __init__(
        self, options: MQTTOptions, client_id: str, status: str, listener: SessionListener,
        log: logging.Logger,
    ) -> None:  # fmt: skip
        self.window = options.max_inflight
        """Most messages with QoS 1 and 2 in flight."""
        self.is_5 = options.version == "5"
        self._options = options
        self._status = status
        self._listener = listener
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._in_flight: set[int] = set()
        self._next_mid = FIRST_OWN_MID
        self._timer: asyncio.TimerHandle | None = None
        self._suback: asyncio.Future[None] | None = None
        self.connection = connection = BrokerConnection(
            options,
            client_id,
            log,
            will=status,
            on_lost=self._on_lost,
            on_publish=self._on_publish,
            on_puback=self._on_puback,
        )
        connection.driver.receiving = listener.receiving
        self.client = client = connection.client
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        self.subscriptions = Subscriptions(
            client, listener.on_subscription_answered, listener.subscription_identifier,
            is_5=self.is_5,
        )  # fmt: skip

    @property
    def broker(self) -> BrokerURL:
        """The connected broker, or the one that is tried."""
        return self.connection.broker

    @property
    def limits(self) -> BrokerLimits:
        """What the broker accepts; known when the session is open."""
        return self.connection.limits

    @property
    def is_open(self) -> bool:
        """Whether the broker has accepted the session."""
        return self.connection.is_open

    # --- opening and closing -----------------------------------------------------------------

    async def open(self, *, qos: int = 0) -> None:
        """Connect, and wait until the broker accepts the session.

        ``qos`` is the highest that will be used. Raises ``OSError`` and
        :class:`oscbridge.EndpointError`.
        """
        try:
            await self.connection.open(qos=qos)
        except (OSError, oscbridge.EndpointError) as error:
            problem = await scheme_problem(self.broker, error)
            if problem:
                raise oscbridge.EndpointError(problem) from error
            raise
        self._in_flight.clear()
        self.window = min(self._options.max_inflight, self.limits.in_flight)
        self.subscriptions.begin(self._loop.time())
        self._timer = self._loop.call_later(KEEPALIVE_CHECK, self._on_timer)

    async def close(self) -> None:
        """Publish the status ``offline``, disconnect, and close."""
        if self._timer is not None:
            self._timer.cancel()
        if self.is_open:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self.connection.drain()
                    self.publish(self._status, b"offline", 1, True)
                    self.client.disconnect()
                    await self.connection.drain()
            except (TimeoutError, OSError, oscbridge.EndpointError):
                pass
        self.connection.close()

    # --- publishing and subscribing ----------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether one more message with QoS 1 or 2 may be in flight."""
        return len(self._in_flight) < self.window

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int:
        """Publish a message with QoS 0 or 1 in the next turn of the loop.

        It has no more QoS than the broker accepts, and is retained only where that is possible.

        Returns its packet identifier for :meth:`SessionListener.on_acknowledged`. Raises
        :class:`oscbridge.NotConnected`.
        """
        limits = self.limits
        qos, retain = min(qos, limits.qos), retain and limits.retain
        if not self._status:  # a dry run: as if the broker had acknowledged it
            mid = self.take_mid()
            self._loop.call_soon(self._acknowledge, mid, "")
            return mid
        if self.connection.is_direct:
            mid = self.take_mid() if qos else 0
            first, header = publish_first(qos, retain), topic_header(topic)
            self.connection.send([publish_packet(first, header, payload, mid, self.is_5)])
        else:
            mid = self.publish_with_paho(topic, payload, qos, retain)
        if not qos:
            self._loop.call_soon(self._acknowledge, mid, "")
        self.connection.schedule_flush()
        return mid

    def take_mid(self) -> int:
        """A free packet identifier for our own packets with QoS 1."""
        while (mid := self._next_mid) in self._in_flight:
            self._next_mid = mid + 1 if mid < 0xFFFF else FIRST_OWN_MID
        self._next_mid = mid + 1 if mid < 0xFFFF else FIRST_OWN_MID
        self._in_flight.add(mid)
        return mid

    def publish_with_paho(self, topic: str, payload: bytes, qos: int, retain: bool) -> int:
        """Queue a message; returns its packet identifier."""
        while True:
            info = self.client.publish(topic, payload, qos, retain)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                break
            # The identifier is still in flight, after 65,535 others: take the next one.
        if qos:
            self._in_flight.add(info.mid)
        return info.mid

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Subscribe, and wait up to 2 s for the answers.

        Raises :class:`oscbridge.NotConnected`.
        """
        self.connection.check()
        self._suback = self._loop.create_future()
        self.subscriptions.subscribe(subscriptions, self.limits.packet_size)
        try:
            async with asyncio.timeout(SUBACK_TIMEOUT):
                await self._suback
        except TimeoutError:
            self._log.warning("the broker has not answered the subscriptions yet")
        finally:
            self._suback = None

    # --- events ------------------------------------------------------------------------------

    def _on_lost(self, error: oscbridge.NotConnected) -> None:
        if self._suback is not None and not self._suback.done():
            self._suback.set_exception(error)
            self._suback.exception()  # its waiter may be gone
        self._listener.on_connection_lost(error)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._listener.on_message(message)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._acknowledge(mid, reason_name(reason) if reason.is_failure else "")

    def _on_puback(self, mid: int, reason: int) -> bool:
        if mid not in self._in_flight or mid < FIRST_OWN_MID:
            return False
        self._in_flight.remove(mid)
        self._listener.on_acknowledged(mid, reason_name(reason) if reason >= FIRST_FAILURE else "")
        return True

    def _acknowledge(self, mid: int, reason: str) -> None:
        self._in_flight.discard(mid)
        self._listener.on_acknowledged(mid, reason)

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode],
        _properties: Properties,
    ) -> None:  # fmt: skip
        self.subscriptions.answered(mid, reasons)
        waiting = self._suback
        if waiting is not None and not waiting.done() and not self.subscriptions.has_unanswered:
            waiting.set_result(None)

    def _on_timer(self) -> None:
        self._timer = self._loop.call_later(KEEPALIVE_CHECK, self._on_timer)
        self.client.loop_misc()
        if self.is_open:
            self.subscriptions.retry(self._loop.time(), self.limits.packet_size)
