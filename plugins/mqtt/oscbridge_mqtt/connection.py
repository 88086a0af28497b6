"""The connection to a broker: opening, the broker's limits, and why it ended.

paho handles sessions, subscriptions, keepalive, QoS 2 and all incoming messages. PUBLISH packets
with QoS 0 and 1, and their PUBACK packets, are our own (:mod:`oscbridge_mqtt.packets`,
:mod:`oscbridge_mqtt.incoming`). paho 2.2.0 alone was measured on the same event loop, without a
thread and with the same buffered socket; these of its properties force our own packets:

- A PUBACK packet with a reason code outside its table counts as malformed, and paho closes the
  connection. Mosquitto answers 0x95 above its ``message_size_limit``: one large message would be
  sent, and the connection closed, forever (``pytest plugins/mqtt -k unannounced_limit``).
- It does not know the QoS 2 deliveries that the broker's session still has pending after a
  restart, and cannot send PUBREL for a given packet identifier, nor report PUBCOMP for one that
  it did not send itself (:mod:`oscbridge_mqtt.release`; ``pytest plugins/mqtt -k pending_qos_2``).
- It reads packets of any size, up to 256 MB, into memory. MQTT 5 lets a client announce its
  limit; with MQTT 3.1.1 payloads have to be truncated before paho reads them.

paho also takes more time: it creates a lock and a condition for each message, and two reason
codes and a set of properties for each PUBACK. Per message, ``send_batch`` with 256 messages takes
9 µs instead of 1.3 µs with QoS 0, and 40 µs instead of 9 µs with QoS 1 (CPU time on two shared
cores; revision c11c89c against this one).

WebSocket frames hide the packets: there paho publishes everything, and a session with
``session_expiry`` uses QoS 1 at most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    Client,
    ConnectFlags,
    DisconnectFlags,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.buffered_socket import SocketFactory
from oscbridge_mqtt.client import CONNECT_TIMEOUT, make_client, plain_origin
from oscbridge_mqtt.driver import ClientDriver, OnPublish
from oscbridge_mqtt.failures import ConnectionEnd, connect_failure, disconnect_text, rejection
from oscbridge_mqtt.flood import MAX_INCOMING_PACKET, excess, receive_maximum
from oscbridge_mqtt.limits import LATEST, BrokerLimits, limits_of
from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.packets import PUBACK, is_publish_qos_0, pubrel_packets
from oscbridge_mqtt.release import ALL_IDENTIFIERS, PendingRelease

__all__ = ["CONNACK_TIMEOUT", "BrokerConnection"]

CONNACK_TIMEOUT: Final = 8.0
"""Seconds for the broker to answer a connect. The bridge allows little more."""

STEADY: Final = 10.0
"""Seconds after which a closed connection is not attributed to another client's connect."""

NO_RETAIN: Final = 0x9A
NO_QOS: Final = 0x9B
"""Reason codes: the broker supports no retained will, or not its QoS (MQTT 5.0, section 2.4)."""


class BrokerConnection:
    """A connection that can be opened again after it was closed.

    ``will`` is the topic of the will ``offline``; empty for none. ``on_lost`` is called when the
    connection is lost, ``on_publish`` for each message that paho published and the broker
    acknowledged. ``on_puback`` is called with a packet identifier and a reason code, and returns
    whether the identifier belongs to a packet of :meth:`send`.
    """

    def __init__(
        self,
        options: MQTTOptions,
        client_id: str,
        log: logging.Logger,
        *,
        will: str,
        on_lost: Callable[[oscbridge.NotConnected], None],
        on_publish: OnPublish,
        on_puback: Callable[[int, int], bool],
    ) -> None:
        self.limits = BrokerLimits()  # known when it is open
        self.broker = options.broker[0]
        """The connected broker, or the one that is tried."""
        self.in_flight, self.latest = "", (0.0, "")
        """The messages in flight, and when the latest was sent, and where: for the last text."""
        self.is_suspicious = False
        """Whether the broker ended the connection, perhaps because of a message."""
        self._options = options
        self._client_id = client_id
        self._will = will
        self._on_lost = on_lost
        self._on_puback = on_puback
        self._loop = asyncio.get_running_loop()
        self._tries = 0
        self._will_qos, self._will_retain = 1, True
        self._unreleased: set[int] | range = ALL_IDENTIFIERS
        """Packet identifiers that older connections may have left pending with QoS 2."""
        self._release: PendingRelease | None = None
        self._is_resumed = False
        self._error: Exception | None = None  # why the connection is closed
        self._connack: asyncio.Future[None] | None = None
        self._opened_at = 0.0
        self.is_direct = not self.broker.is_websocket
        """Whether :meth:`send` works: not within WebSocket frames."""
        self._make_client(log, on_publish)

    def _make_client(self, log: logging.Logger, on_publish: OnPublish) -> None:
        """The paho client, its sockets, and what drives them."""
        options = self._options
        self._sockets = SocketFactory(
            options.tls_context() if self.broker.is_tls else None,
            listener=self if self.is_direct else None,
            max_payload=None if options.version == "5" else options.max_payload_size,
        )
        self.client = client = make_client(options, self._client_id, self._sockets)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        self.driver = ClientDriver(
            client,
            self._sockets,
            log,
            reset=self._reset,
            on_broken=self._fail,
            on_publish=on_publish,
            excess=lambda: excess(client, options.max_payload_size, receive_maximum(options)),
        )

    # --- opening and closing -----------------------------------------------------------------

    def _reset(self) -> None:
        """Close the socket without a DISCONNECT packet, and prepare the next connect."""
        options = self._options
        properties = None
        if options.version == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = MAX_INCOMING_PACKET
            properties.ReceiveMaximum = receive_maximum(options)
            if options.session_expiry:
                properties.SessionExpiryInterval = options.session_expiry
        self.client.connect_async(
            self.broker.host,
            self.broker.port,
            options.keepalive,
            clean_start=options.session_expiry == 0 if properties else MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )

    async def open(self, *, qos: int = 0) -> None:
        """Connect, and wait until the broker accepts the session.

        ``qos`` is the highest that will be used. Raises ``OSError`` and
        :class:`oscbridge.EndpointError`.
        """
        await self.driver.wait_until_idle()
        self._prepare()
        try:
            await self.driver.connect()
        except Exception as error:
            failure = connect_failure(error, self.broker, CONNECT_TIMEOUT)
            if failure is error:
                raise
            raise failure from None
        self._connack = self._loop.create_future()
        try:
            self.driver.start()
            async with asyncio.timeout(CONNACK_TIMEOUT):
                await self._connack
        except TimeoutError:
            raise oscbridge.EndpointError(
                f"connected, but no answer within {CONNACK_TIMEOUT:g} s; "
                f"is {self.broker} an MQTT broker?"
            ) from None
        finally:
            self._connack = None
        await self._release_pending(qos)
        self._opened_at = self._loop.time()

    def _prepare(self) -> None:
        """Choose the next broker, and forget the state of the previous connection."""
        brokers = self._options.broker
        self.broker = broker = brokers[self._tries % len(brokers)]
        self._tries += 1
        if broker.is_websocket:
            self.client.ws_set_options(broker.path, None if broker.is_tls else plain_origin)
        if self._will:
            self.client.will_set(self._will, b"offline", self._will_qos, self._will_retain)
        self._reset()
        self._error, self.is_suspicious = None, False
        # The bridge offers unacknowledged messages again; paho must not send them as well.
        dropped = self.client.drop_out_messages()
        if self._unreleased is not ALL_IDENTIFIERS:
            pending = [message.mid for message in dropped if message.qos == 2]
            self._unreleased = {*self._unreleased, *pending}

    async def _release_pending(self, qos: int) -> None:
        """Complete the pending QoS 2 deliveries of a resumed session."""
        self.check()
        if self._is_resumed and self._unreleased:
            if min(qos, self.limits.qos) < 2:
                return  # PUBREL is a protocol error where the broker does not support QoS 2
            self._release = release = PendingRelease(self._unreleased)
            try:
                async with asyncio.timeout(CONNACK_TIMEOUT):
                    self.driver.send([pubrel_packets(release.pending)])
                    await self.drain()
                    await release.wait()
            except TimeoutError:
                self.check()
                raise oscbridge.EndpointError(
                    "the broker does not complete the session's pending QoS 2 deliveries; "
                    "connect once with session_expiry = 0 to discard the session"
                ) from None
            finally:
                self._release = None
            self.check()
        self._unreleased = set()

    def check(self) -> None:
        """Raise the error of a lost connection."""
        if self._error is not None:
            raise self._error

    @property
    def is_open(self) -> bool:
        """Whether the broker has accepted the session."""
        return self.driver.is_open and self.client.is_connected()

    def close(self) -> None:
        """Close the socket without a DISCONNECT packet."""
        self.driver.close()

    # --- writing -----------------------------------------------------------------------------

    def send(self, packets: Sequence[bytes]) -> None:
        """Send packets; :meth:`flush` writes them. Only with :attr:`is_direct`.

        Raises :class:`oscbridge.NotConnected`.
        """
        self.driver.send(packets)

    def flush(self) -> bool:
        """Write what can be written now. Returns whether the system has taken everything."""
        return self.driver.flush()

    def schedule_flush(self) -> None:
        """Write in the next turn of the loop."""
        self.driver.schedule_flush()

    def count_unsent(self, count: int) -> int:
        """How many of the latest ``count`` QoS 0 messages the system has not taken completely."""
        sock = self._sockets.latest
        pieces = () if sock is None else sock.unsent
        if self.is_direct:
            return min(count, sum(map(is_publish_qos_0, pieces)))
        return min(count, len(pieces))  # WebSocket frames hide the packets

    async def drain(self) -> None:
        """Wait until the system has taken everything. Raises :class:`oscbridge.NotConnected`."""
        self.check()
        await self.driver.drain()

    # --- paho's callbacks --------------------------------------------------------------------

    def _on_connect(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        if self._connack is None or self._connack.done():
            return
        if reason.is_failure:
            self._will_retain = self._will_retain and reason.value != NO_RETAIN
            self._will_qos = 0 if reason.value == NO_QOS else self._will_qos
            self._connack.set_exception(rejection(reason, properties, self._options))
            return
        self._is_resumed = flags.session_present
        limits = limits_of(properties)
        if self._options.session_expiry and self.broker.is_websocket:
            limits = limits._replace(qos=min(limits.qos, 1))  # see the module's docstring
        self.limits = limits
        self._connack.set_result(None)

    def on_answer(self, kind: int, mid: int, reason: int) -> bool:
        if kind == PUBACK:
            return self._on_puback(mid, reason)
        return self._release is not None and self._release.completed(mid)

    def _on_disconnect(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode,
        properties: Properties | None,
    ) -> None:  # fmt: skip
        sock = self._sockets.latest
        end = ConnectionEnd(
            packet_from_broker=flags.is_disconnect_packet_from_server,
            closed_by_broker=sock is None or sock.is_broken,
            tls_error="" if sock is None else sock.tls_error,
            before_connack=self._connack is not None and not self._connack.done(),
            is_recent=self._loop.time() - self._opened_at < STEADY,
            in_flight=self.in_flight,
            latest=self.latest[1] if self._loop.time() - self.latest[0] < LATEST else "",
        )
        text = disconnect_text(end, reason, properties, self._options, self._client_id)
        self._fail(oscbridge.NotConnected(text), end.is_suspicious(reason))

    def _fail(self, error: oscbridge.NotConnected, is_suspicious: bool) -> None:
        self._error, self.is_suspicious = error, is_suspicious
        if self._release is not None:
            self._release.cancel()
        self.driver.fail(error)
        if self._connack is not None and not self._connack.done():
            self._connack.set_exception(error)
            self._connack.exception()  # its waiter may be gone
        self._on_lost(error)
