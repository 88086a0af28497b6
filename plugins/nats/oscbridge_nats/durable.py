"""The durable consumers of an endpoint, from the wait for the stream to its messages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import oscbridge
from oscbridge_nats.client import NATSClient
from oscbridge_nats.consumer import ConsumerLink, PullConsumer
from oscbridge_nats.options import NATSOptions, NATSSubscription
from oscbridge_nats.receiving import NATSReceiver
from oscbridge_nats.streams import StreamFinder

__all__ = ["DurableConsumers"]


class DurableConsumers:
    """Reads for one endpoint, over one connection at a time."""

    def __init__(self, options: NATSOptions, receiver: NATSReceiver) -> None:
        self._options = options
        self._receiver = receiver
        self._consumers: list[PullConsumer] = []
        self._is_ending = False

    @property
    def lag(self) -> Mapping[str, int]:
        """Messages that wait for each consumer, by its name."""
        return {each.name: each.lag for each in self._consumers}

    async def run(self, client: NATSClient, host: oscbridge.Host, finder: StreamFinder) -> None:
        """Read until the connection is lost."""
        self._consumers = []
        self._is_ending = False
        await finder.wait_for_stream()
        try:
            async with asyncio.TaskGroup() as group:
                for wanted in self._options.durables:
                    group.create_task(self._read(client, host, finder, wanted))
        except* oscbridge.NotConnected:
            pass  # the client has reported it

    def pause(self) -> Sequence[int]:
        """Ask for no more messages. Returns the subscriptions."""
        self._is_ending = True
        return [each.pause() for each in self._consumers if each.subscription]

    async def end(self) -> None:
        """Wait until the messages received until now are acknowledged."""
        for each in tuple(self._consumers):
            await each.end()

    async def _read(
        self,
        client: NATSClient,
        host: oscbridge.Host,
        finder: StreamFinder,
        wanted: NATSSubscription,
    ) -> None:
        stream = self._options.stream or ""
        if wanted.partitions is None:
            await self._read_one(client, host, finder, (stream, wanted, None))
            return
        stream = await finder.provide_partitions(wanted)
        async with asyncio.TaskGroup() as group:
            for partition in range(wanted.partitions):
                place = (stream, wanted, partition)
                group.create_task(self._read_one(client, host, finder, place))

    async def _read_one(
        self,
        client: NATSClient,
        host: oscbridge.Host,
        finder: StreamFinder,
        place: tuple[str, NATSSubscription, int | None],
    ) -> None:
        stream, wanted, partition = place
        while not self._is_ending:
            info = await finder.provide_consumer(stream, wanted, partition)
            head = "" if partition is None else f"{stream}.{partition}."
            consumer = PullConsumer(
                client,
                stream,
                info.name,
                self._link(host, finder, wanted, head, info.name),
                # That of an existing consumer, which is not altered.
                ack_timeout=info.config.ack_wait or wanted.ack_timeout,
                max_deliveries=wanted.max_deliveries,
            )
            consumer.lag = info.num_pending or 0
            self._consumers.append(consumer)
            try:
                await consumer.run()  # returns when the consumer was deleted
            finally:
                self._consumers.remove(consumer)
            if partition is not None and not self._is_ending:  # perhaps with its stream
                await finder.provide_partitions(wanted)

    def _link(
        self,
        host: oscbridge.Host,
        finder: StreamFinder,
        wanted: NATSSubscription,
        head: str,
        name: str,
    ) -> ConsumerLink:
        receive = self._receiver.receive

        def take(subject: str, payload: bytes, headers: bytes) -> None:
            receive(host, wanted.payload, subject.removeprefix(head), payload, headers)

        def bad_input(error: oscbridge.DecodeError) -> None:
            host.bad_input(error, self._receiver.peer(0))

        def set_aside(text: str) -> None:
            host.input_dropped("poison", 1, text)

        report = partial(finder.refused, name)
        return ConsumerLink(take, host.until_delivered, bad_input, set_aside, report)
