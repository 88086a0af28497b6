"""Publishes a batch of messages, and records which of them the broker accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from paho.mqtt.client import MQTTMessageInfo

import oscbridge
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
        self._written: list[tuple[int, MQTTMessageInfo]] = []
        """Indices with QoS 0 that are not known to be delivered."""
        self._next = 0
        self._progress = asyncio.Event()
        self._error: Exception | None = None

    @property
    def first_undelivered(self) -> int | None:
        """The index of the first publication that is not delivered; None after success."""
        return next((index for index, result in enumerate(self.results) if result != ""), None)

    def acknowledged(self, mid: int, reason: str) -> None:
        """The broker acknowledged a message of this batch, or another one."""
        index = self._in_flight.pop(mid, None)
        if index is not None:
            self.results[index] = reason
        self._progress.set()  # in any case one more may be in flight

    def connection_lost(self, error: Exception) -> None:
        """End :meth:`run` with this error."""
        self._error = error
        self._progress.set()

    async def run(self) -> None:
        """Publish all and wait for the acknowledgements.

        Raises :class:`oscbridge.NotConnected`; then :attr:`results` is incomplete.
        """
        while True:
            self._publish()
            try:
                await self._session.connection.drain()
            except BaseException:  # also a cancellation
                self._settle_qos_0(
                    self._session.connection.count_unsent([info for _, info in self._written])
                )
                raise
            self._settle_qos_0(0)
            if not self._in_flight and self._next == len(self._publications):
                return
            if not self._progress.is_set():
                await self._wait()
            self._progress.clear()
            if self._error is not None:
                raise oscbridge.NotConnected(str(self._error))

    def _publish(self) -> None:
        """Hand to paho as many publications as may be in flight."""
        session, publications, written = self._session, self._publications, self._written
        publish = session.client.publish
        session.connection.hold_writes()
        for index in range(self._next, len(publications)):
            topic, payload, plan = publications[index]
            qos = plan.qos
            if not qos:
                written.append((index, publish(topic, payload, 0, plan.retain)))
            elif self._may_publish(qos):
                self._in_flight[session.publish(topic, payload, qos, plan.retain)] = index
            else:
                self._next = index
                return
        self._next = len(publications)

    def _may_publish(self, qos: int) -> bool:
        if qos == 2 and not self._session.is_5 and len(self._in_flight) >= MAX_QOS_2:
            return False
        return self._session.has_room

    def _settle_qos_0(self, unsent: int) -> None:
        for index, _ in self._written[: len(self._written) - unsent]:
            self.results[index] = ""
        self._written.clear()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(ACK_TIMEOUT):
                await self._progress.wait()
        except TimeoutError:
            text = f"the broker acknowledged nothing for {ACK_TIMEOUT:g} s"
            raise oscbridge.NotConnected(text) from None
