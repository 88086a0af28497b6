"""Publishes the batches of an endpoint, and isolates messages at which brokers disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import oscbridge
from oscbridge_mqtt.batch import PublishBatch
from oscbridge_mqtt.publication import MQTTDelivery, Publication
from oscbridge_mqtt.session import BrokerSession
from oscbridge_mqtt.topic import SHOWN

__all__ = ["Publisher", "Suspects"]

POISON_WINDOW: Final = 1.0
"""Seconds after a message within which the end of the connection is attributed to it."""

POISON_LOSSES: Final = 2
"""Connections that end with a message alone in flight before it is not sent again."""

IN_FLIGHT: Final = "with messages in flight"


class Suspects:
    """Messages that were in flight when the broker ended the connection.

    They are identified as objects: the host offers the same ones again.
    """

    def __init__(self) -> None:
        self._losses: dict[int, tuple[MQTTDelivery, int]] = {}
        """By ``id``: the message, and the connections that it ended alone."""

    def add(self, deliveries: Sequence[MQTTDelivery]) -> None:
        """Send these alone from now on."""
        for delivery in deliveries:
            self._losses.setdefault(id(delivery), (delivery, 0))

    def remove(self, delivery: MQTTDelivery) -> None:
        """The message is settled."""
        self._losses.pop(id(delivery), None)

    def is_poison(self, delivery: MQTTDelivery) -> bool:
        """Count a connection that ended with the message alone in flight."""
        _, losses = self._losses.get(id(delivery), (delivery, 0))
        self._losses[id(delivery)] = (delivery, losses + 1)
        return losses + 1 >= POISON_LOSSES

    def pieces(self, deliveries: Sequence[MQTTDelivery]) -> Iterator[range]:
        """Divide a batch: each suspect is alone. Others that the host gave up are forgotten."""
        if not self._losses:
            yield range(len(deliveries))
            return
        suspects = [index for index, each in enumerate(deliveries) if id(each) in self._losses]
        self._losses = {id(deliveries[i]): self._losses[id(deliveries[i])] for i in suspects}
        start = 0
        for index in suspects:
            if start < index:
                yield range(start, index)
            yield range(index, index + 1)
            start = index + 1
        if start < len(deliveries):
            yield range(start, len(deliveries))


class Publisher:
    """Publishes one batch at a time.

    When the broker ends the connection, the unacknowledged messages are published again one at a
    time. One that is alone in flight at two such ends, each within 1 s, is rejected.
    """

    def __init__(self) -> None:
        self._batch: PublishBatch | None = None
        self._suspects = Suspects()

    def acknowledged(self, mid: int, reason: str) -> None:
        """The broker acknowledged a message; ``reason`` is empty unless it rejected it."""
        if self._batch is not None:
            self._batch.acknowledged(mid, reason)

    def connection_lost(self, error: Exception) -> None:
        """End :meth:`publish` with this error."""
        if self._batch is not None:
            self._batch.connection_lost(error)

    async def publish(
        self,
        session: BrokerSession,
        deliveries: Sequence[MQTTDelivery],
        publications: Sequence[Publication],
    ) -> None:
        """Raises :class:`oscbridge.PartialDelivery` unless all are delivered."""
        accepted: list[int] = []
        rejected: dict[int, oscbridge.BadMessage] = {}
        lost: oscbridge.NotConnected | None = None
        for piece in self._suspects.pieces(deliveries):
            part = slice(piece.start, piece.stop)
            batch = PublishBatch(session, publications[part])
            try:
                await self._run(session, batch, deliveries[part], publications[part])
            except oscbridge.PoisonMessage as error:
                rejected[piece.start] = error
                lost = oscbridge.NotConnected(str(error.__cause__))
            except oscbridge.NotConnected as error:
                lost = error
            for index, result in zip(piece, batch.results, strict=True):
                if result == "":
                    accepted.append(index)
                elif result:
                    topic, address = publications[index].topic, deliveries[index].message.address
                    text = f"{address}: rejected by the broker as {topic}: {result}"
                    rejected[index] = oscbridge.BadMessage(text)
            if lost is not None:
                break
        if lost is not None or rejected:
            raise oscbridge.PartialDelivery(accepted, rejected, lost)

    async def _run(
        self,
        session: BrokerSession,
        batch: PublishBatch,
        deliveries: Sequence[MQTTDelivery],
        publications: Sequence[Publication],
    ) -> None:
        """Publish a piece of a batch.

        Raises :class:`oscbridge.NotConnected`, and :class:`oscbridge.PoisonMessage` for a message
        that is alone in flight.
        """
        connection = session.connection
        loop = asyncio.get_running_loop()
        started = loop.time()
        is_alone = len(publications) == 1
        topic = publications[0].topic[:SHOWN]
        if publications[0].plan.qos or not is_alone:
            connection.in_flight = f"after the message to {topic!r}" if is_alone else IN_FLIGHT
        self._batch = batch
        try:
            await batch.run()
        except oscbridge.NotConnected as error:
            is_blamed = is_alone and connection.is_suspicious and len(batch.unacknowledged) > 0
            is_blamed = is_blamed and loop.time() - started < POISON_WINDOW
            if is_blamed and self._suspects.is_poison(deliveries[0]):
                raise oscbridge.PoisonMessage(
                    f"{deliveries[0].message.address[:SHOWN]}: the broker ended the connection "
                    f"{POISON_LOSSES} times within {POISON_WINDOW:g} s after the message to "
                    f"{topic!r}; it is not sent again"
                ) from error
            raise
        finally:
            self._batch = None
            connection.in_flight, connection.latest = "", (started, topic)
            if connection.is_suspicious:
                self._suspects.add([deliveries[index] for index in batch.unacknowledged])
            elif is_alone:
                self._suspects.remove(deliveries[0])
