"""Publishes a batch of messages, and records which of them the broker accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import oscbridge
from oscbridge_mqtt.packets import publish_packet, topic_header
from oscbridge_mqtt.publication import Publication
from oscbridge_mqtt.session import BrokerSession

__all__ = ["ACK_TIMEOUT", "PublishBatch"]

ACK_TIMEOUT: Final = 10.0
"""Seconds without any acknowledgement after which the connection is closed."""

MAX_QOS_2: Final = 20
"""Messages with QoS 2 in flight where the broker does not announce how many it accepts.

MQTT 3.1.1 cannot announce it. Mosquitto accepts 20, and closes the connection above that.
"""


class PublishBatch:
    """The publications of one batch on their way to the broker.

    QoS 0 is delivered when the system has the packet, QoS 1 and 2 when the broker acknowledges
    it.
    """

    def __init__(self, session: BrokerSession, publications: Sequence[Publication]) -> None:
        self.results: list[str | None] = [None] * len(publications)
        """Per publication: empty when delivered, the reason when rejected, None when unknown."""
        self._session = session
        self._publications = publications
        self._in_flight: dict[int, int] = {}
        """Indices by packet identifier."""
        self._written: list[int] = []
        """Indices with QoS 0 that are not known to be delivered."""
        self._next = 0
        self._progress = False
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether all publications are delivered."""
        return not any(result != "" for result in self.results)

    @property
    def unacknowledged(self) -> Sequence[int]:
        """Indices of the publications with QoS 1 and 2 that are in flight."""
        return sorted(self._in_flight.values())

    def acknowledged(self, mid: int, reason: str) -> None:
        """The broker acknowledged a message of this batch, or another one."""
        index = self._in_flight.pop(mid, None)
        if index is not None:
            self.results[index] = reason
        self._wake()  # in any case one more may be in flight

    def connection_lost(self, error: Exception) -> None:
        """End :meth:`run` with this error."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        self._progress = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def run(self) -> None:
        """Publish all and wait for the acknowledgements.

        Raises :class:`oscbridge.NotConnected`; then :attr:`results` is incomplete.
        """
        connection = self._session.connection
        while True:
            connection.check()
            self._publish()
            try:
                if not connection.flush():
                    await connection.drain()
            except BaseException:  # also a cancellation
                self._settle_qos_0(connection.count_unsent(len(self._written)))
                raise
            self._settle_qos_0(0)
            if not self._in_flight and self._next == len(self._publications):
                return
            if not self._progress:
                await self._wait()
            self._progress = False
            if self._error is not None:
                raise oscbridge.NotConnected(str(self._error))

    def _publish(self) -> None:
        """Send as many publications as may be in flight, in order."""
        session, publications = self._session, self._publications
        connection, is_5 = session.connection, session.is_5
        packets: list[bytes] = []
        index = self._next
        for index in range(self._next, len(publications)):
            topic, payload, plan = publications[index]
            qos, mid = plan.qos, 0
            if qos and not self._may_publish(qos):
                break
            if qos == 2 or not connection.is_direct:
                if packets:
                    connection.send(packets)
                    packets = []
                mid = session.publish_with_paho(topic, payload, qos, plan.retain)
            else:
                mid = session.take_mid() if qos else 0
                header = plan.header or topic_header(topic)
                packets.append(publish_packet(plan.first, header, payload, mid, is_5))
            if qos:
                self._in_flight[mid] = index
            else:
                self._written.append(index)
        else:
            index = len(publications)
        self._next = index
        if packets:
            connection.send(packets)

    def _may_publish(self, qos: int) -> bool:
        if qos == 2 and not self._session.is_5 and len(self._in_flight) >= MAX_QOS_2:
            return False
        return self._session.has_room

    def _settle_qos_0(self, unsent: int) -> None:
        for index in self._written[: len(self._written) - unsent]:
            self.results[index] = ""
        self._written.clear()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                await self._waiter
        except TimeoutError:
            text = f"the broker acknowledged nothing for {ACK_TIMEOUT:g} s"
            raise oscbridge.NotConnected(text) from None
