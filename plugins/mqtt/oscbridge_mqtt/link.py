"""One session at a broker: connecting, subscribing, and what the broker says.

Messages with QoS 0 and 1 are packets of ours, and what answers them is taken out before paho
reads. paho does the rest: sessions, subscriptions, keepalive, QoS 2 and all that comes in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.client import DIAL_TIMEOUT, make_client
from oscbridge_mqtt.driver import Driver
from oscbridge_mqtt.failures import connect_failure, reason_name, refusal, words
from oscbridge_mqtt.options import MQTTOptions, Subscription
from oscbridge_mqtt.publication import Limits, Publication, packet_of
from oscbridge_mqtt.release import EVERY, Release
from oscbridge_mqtt.stream import PUBACK, PUBCOMP, Sockets
from oscbridge_mqtt.subscriptions import Subscriptions
from oscbridge_mqtt.tls import tls_context

__all__ = ["ANSWER_TIMEOUT", "Link"]

ANSWER_TIMEOUT: Final = 8.0
"""Seconds for the broker to answer a connect. The bridge allows little more."""

SUBSCRIBE_TIMEOUT: Final = 2.0
"""Seconds that a connect waits for subscriptions; a cluster may take longer to agree."""

CLOSE_TIMEOUT: Final = 0.3
"""Seconds for the last words: the bridge allows little more."""

TICK: Final = 1.0
"""Seconds between looks at the keepalive."""

MAX_PACKET: Final = 16 * 1024 * 1024
"""Bytes of a packet from the broker; MQTT 5 tells it so."""

MAX_TO_BROKER: Final = 268_435_455
"""Bytes of a packet that MQTT can say."""

STEADY: Final = 10.0
"""Seconds after which a connection that is closed was not closed for another client's sake."""

FAILURE: Final = 0x80
TAKEN_OVER: Final = 0x8E
NO_RETAIN: Final = 0x9A
NO_QOS: Final = 0x9B
"""Reason codes: the first failure, another client with the same name, and a will that is
retained, or has a QoS, where the broker has neither."""

FIRST_OWN: Final = 0x8000
"""From here on the numbers of messages are ours; paho counts from 1."""


class Handler(Protocol):
    """Who is told what the connection brings. On the loop."""

    def received(self, message: MQTTMessage) -> None:
        """A message came."""

    def acknowledged(self, mid: int, refused: str) -> None:
        """A message that was published is done with; ``refused`` says why it is not taken."""

    def refused(self, topic: str, reason: str) -> None:
        """The broker does not take a subscription."""

    def lost(self, error: Exception) -> None:
        """The connection is gone."""


class Link:
    """A connection that can be opened again after it was closed."""

    def __init__(
        self, options: MQTTOptions, client_id: str, status: str, handler: Handler,
        log: logging.Logger,
    ) -> None:  # fmt: skip
        self.limits = Limits()
        """What the broker allows; known when it is open."""
        self.window = options.max_inflight
        """Messages with QoS 1 and 2 that may be on their way at once."""
        self._options = options
        self.broker = options.broker[0]
        """The one that is connected, or tried."""
        self._tries = 0
        self.is_5 = options.version == "5"
        self._handler = handler
        self._log = log
        self._status = status
        self._loop = asyncio.get_running_loop()
        self._own: int = FIRST_OWN
        self._sent: set[int] = set()
        """Numbers of messages that went past paho and are not answered."""
        self._handed: set[int] = set()
        """Numbers of those that paho has and that are not answered."""
        self._will_qos = 1
        self._will_retain = True
        self._half: set[int] | range = EVERY
        """Numbers of messages with QoS 2 that the session may have from older connections."""
        self._release: Release | None = None
        self._is_resumed = False
        self._error: Exception | None = None
        """Why the connection is gone."""
        self.takes_packets = not self.broker.is_websocket
        """Whether :meth:`write` works: within WebSocket frames it does not."""
        self._sockets = Sockets(
            tls_context(options) if self.broker.is_tls else None,
            self._on_ack if self.takes_packets else None,
            None if self.is_5 else options.max_payload_size,
        )
        self._tick: asyncio.TimerHandle | None = None
        self._answer: asyncio.Future[None] | None = None
        self._subscribed: asyncio.Future[None] | None = None
        self._since = 0.0
        self._twin = f"; is there another client with client_id = {client_id!r}?"
        self._client = client = make_client(options, client_id, self._sockets)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        self.subscriptions = Subscriptions(client, handler.refused, is_5=self.is_5)
        self._driver = Driver(
            client,
            self._sockets,
            log,
            prepare=self._prepare,
            broken=self._fail,
            direct=self.takes_packets,
        )
        self.write = self._driver.write

    # --- opening -----------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Say where to connect. What was open is closed without a word."""
        options = self._options
        properties = None
        if options.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_PACKET
            if options.session_expiry:
                properties.SessionExpiryInterval = options.session_expiry
        self._client.connect_async(
            self.broker.host,
            self.broker.port,
            options.keepalive,
            clean_start=options.session_expiry == 0 if properties else MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )

    async def open(self, *, qos: int = 0) -> None:
        """Connect, and wait until the broker takes the session.

        ``qos`` is the highest that will be wanted. Raises ``OSError`` and
        :class:`oscbridge.EndpointError`.
        """
        await self._driver.free()
        brokers = self._options.broker
        self.broker = brokers[self._tries % len(brokers)]
        self._tries += 1
        if self.broker.is_websocket:
            self._client.ws_set_options(self.broker.path)
        self._client.will_set(
            self._status, b"offline", qos=self._will_qos, retain=self._will_retain
        )
        self._prepare()
        self._sent.clear()
        self._handed.clear()
        self._error = None
        # The bridge sends again what was not acknowledged.
        dropped = self._client.drop_out_messages()
        if self._half is not EVERY:
            self._half = {*self._half, *(message.mid for message in dropped if message.qos > 1)}
        try:
            await self._driver.dial()
        except Exception as error:
            failure = connect_failure(error, self.broker, DIAL_TIMEOUT)
            if failure is error:
                raise
            raise failure from None
        self._answer = self._loop.create_future()
        try:
            self._driver.attach()
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await self._answer
        except TimeoutError:
            raise oscbridge.EndpointError(
                f"the connection was taken, but no answer came within {ANSWER_TIMEOUT:g} s; "
                f"is {self.broker} an MQTT broker?"
            ) from None
        finally:
            self._answer = None
        await self._let_go(qos)
        self._since = self._loop.time()
        self.subscriptions.begin(self._since)
        self._tick = self._loop.call_later(TICK, self._on_tick)

    async def _let_go(self, qos: int) -> None:
        """Rid a session that goes on of what is half delivered, before anything else is sent."""
        self.check()
        if self._is_resumed and self._half:
            if min(qos, self.limits.qos) < 2:
                return  # to a broker without QoS 2 it would be an offence
            self._release = release = Release(self._half)
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    await self._driver.write(release.packets())
                    await release.wait()
            except TimeoutError:
                self.check()
                raise oscbridge.EndpointError(
                    "the broker does not let go of what is half delivered; with "
                    "session_expiry = 0, once, it forgets the session"
                ) from None
            finally:
                self._release = None
            self.check()
        self._half = set()

    def check(self) -> None:
        """Raises why the connection is gone, if it is."""
        if self._error is not None:
            raise self._error

    @property
    def is_open(self) -> bool:
        """Whether the broker has taken the session."""
        return self._driver.is_open and self._client.is_connected()

    async def close(self) -> None:
        """Say that the bridge goes, and close."""
        if self._tick is not None:
            self._tick.cancel()
        if self.is_open:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._driver.drain()
                    self.publish(self._status, b"offline", 1, True)
                    self._client.disconnect()
                    await self._driver.drain()
            except (TimeoutError, OSError, oscbridge.EndpointError):
                pass
        self._driver.hang_up()

    # --- what is sent ------------------------------------------------------------------------

    def packet(self, publication: Publication, mid: int = 0) -> bytes:
        """What :meth:`write` sends; ``mid`` is for QoS 1."""
        return packet_of(publication, self.is_5, mid)

    def next_mid(self) -> int:
        """A number for a message with QoS 1."""
        mid = self._own
        self._own = mid + 1 if mid < 0xFFFF else FIRST_OWN
        self._sent.add(mid)
        return mid

    @property
    def has_room(self) -> bool:
        """Whether one more message may be on its way to the broker."""
        return len(self._sent) + len(self._handed) < self.window

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> int:
        """Queue a message; :meth:`Handler.acknowledged` is told its number.

        It has no more QoS than the broker takes, and is retained only where it can be.
        """
        limits = self.limits
        mid = self._client.publish(
            topic, payload, min(qos, limits.qos), retain and limits.retain
        ).mid
        self._handed.add(mid)
        return mid

    async def subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Subscribe, and wait for the answer, but not for long.

        Raises :class:`oscbridge.NotConnected`.
        """
        self.check()
        self._subscribed = self._loop.create_future()
        self.subscriptions.ask(subscriptions, self.limits.packet)
        try:
            async with asyncio.timeout(SUBSCRIBE_TIMEOUT):
                await self._subscribed
        except TimeoutError:
            self._log.warning("the broker has not answered the subscriptions yet")
        finally:
            self._subscribed = None

    # --- paho tells --------------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        self._driver.progress += 1
        if self._answer is None or self._answer.done():
            return
        if reason.is_failure:
            self._will_retain = self._will_retain and reason.value != NO_RETAIN
            self._will_qos = 0 if reason.value == NO_QOS else self._will_qos
            self._answer.set_exception(refusal(reason, properties, self._options))
            return
        self._is_resumed = flags.session_present

        def said(name: str, default: int) -> int:
            return int(getattr(properties, name, default))

        highest = said("MaximumQoS", 2)
        if self._options.session_expiry and not self.takes_packets:
            highest = min(highest, 1)  # there is no way to let go of what is half delivered
        self.limits = Limits(
            2 if highest > 1 else 1 if highest else 0,
            bool(said("RetainAvailable", 1)),
            said("MaximumPacketSize", MAX_TO_BROKER),
        )
        self.window = min(self._options.max_inflight, said("ReceiveMaximum", 65_535))
        self._answer.set_result(None)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        self._driver.progress += 1
        text = "the broker closed the connection"
        if flags.is_disconnect_packet_from_server:
            text = f"the broker ended the connection: {reason_name(reason)}{words(properties)}"
            if reason.value == TAKEN_OVER:
                text += self._twin
        elif reason == "Keep alive timeout":
            text = "the broker is silent"
        elif self._sockets.refusal:
            text += f": {self._sockets.refusal}"
        elif self.takes_packets and not self._sockets.is_broken:
            text = f"what the broker sent is no MQTT {self._options.version}"
            if self.is_5:
                text += '; if it does not know that, version = "3.1.1" helps'
        elif self._answer is not None and not self._answer.done():
            text += " before it answered"
            if self.broker.is_tls and self._options.certificate is None:
                text += "; it may want a certificate: certificate = ..., key = ..."
            elif self.is_5:
                text += '; if it does not know MQTT 5, version = "3.1.1" helps'
        elif self._loop.time() - self._since < STEADY:
            text += self._twin
        self._fail(oscbridge.NotConnected(text))

    def _fail(self, error: oscbridge.NotConnected) -> None:
        self._error = error
        if self._release is not None:
            self._release.stop()
        self._driver.fail(error)
        for future in (self._answer, self._subscribed):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # whoever waited may be gone
        self._handler.lost(error)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._driver.progress += 1
        self._handler.received(message)

    def _on_publish(
        self, _client: Client, _data: object, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._driver.progress += 1
        self._handed.discard(mid)
        self._handler.acknowledged(mid, reason_name(reason) if reason.is_failure else "")

    def _on_ack(self, first: int, mid: int, reason: int) -> bool:
        """An answer to what went past paho."""
        if first == PUBCOMP and self._release is not None:
            return self._release.completed(mid)
        if first != PUBACK or mid not in self._sent:
            return False
        self._sent.remove(mid)
        self._driver.progress += 1
        refused = reason_name(reason) if reason >= FAILURE else ""
        self._handler.acknowledged(mid, refused)
        return True

    def _on_subscribe(
        self, _client: Client, _data: object, mid: int, reasons: list[ReasonCode],
        _properties: Properties,
    ) -> None:  # fmt: skip
        self._driver.progress += 1
        self.subscriptions.answered(mid, reasons)
        waiting = self._subscribed
        if waiting is not None and not waiting.done() and not self.subscriptions.waiting:
            waiting.set_result(None)

    def _on_tick(self) -> None:
        self._tick = self._loop.call_later(TICK, self._on_tick)
        self._client.loop_misc()
        if self._driver.is_open:
            self.subscriptions.try_again(self._loop.time(), self.limits.packet)
