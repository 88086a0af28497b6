"""The NATS endpoint: a client of a cluster of servers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

import oscbridge
from oscbridge_nats.backlog import Backlog
from oscbridge_nats.client import NATSClient
from oscbridge_nats.connecting import ServerList, connect
from oscbridge_nats.core_publisher import publish_core
from oscbridge_nats.durable import DurableConsumers
from oscbridge_nats.failures import shown
from oscbridge_nats.headers import HeaderWriter
from oscbridge_nats.lease import GrantsNATSLeases
from oscbridge_nats.options import Format, NATSOptions, NATSRoute
from oscbridge_nats.problems import PUBLISHER, Problems
from oscbridge_nats.publication import NATSDelivery, NATSPublication, NATSPublicationPlanner
from oscbridge_nats.receiving import NATSReceiver
from oscbridge_nats.stream_publisher import StreamPublisher
from oscbridge_nats.streams import StreamFinder

__all__ = ["NATSEndpoint"]

SLOW: Final = "they arrive faster than they can be handled"

JETSTREAM: Final = "$js."
"""The subjects of JetStream, as errors of the server show them."""

API_TIMEOUT: Final = 5.0
"""Seconds for an answer of JetStream."""


class NATSEndpoint(
    oscbridge.Endpoint[NATSOptions, NATSDelivery],
    oscbridge.Coalescing[NATSDelivery],
    oscbridge.Durability[NATSDelivery],
    oscbridge.Reconfigurable[NATSOptions],
    oscbridge.RouteAware[NATSRoute],
    oscbridge.SharesMedium[NATSOptions],
    oscbridge.Consuming,
    GrantsNATSLeases,
):
    """Publishes OSC messages to subjects, and converts messages of subjects to OSC."""

    example_options: ClassVar[oscbridge.TomlTable] = {"servers": "nats://192.168.1.2"}
    example_peer = "oscbridge_nats.conformance:ServerPeer"
    on_start = "retry"
    default_routes = ("*",)

    def __init__(self, name: str, options: NATSOptions) -> None:
        super().__init__(name, options)
        self._servers = ServerList(options.servers)
        self._headers = HeaderWriter()
        self._planner = NATSPublicationPlanner(options)
        self._receiver = NATSReceiver(options, self._headers.origin)
        self._publisher = StreamPublisher(options.stream or "", options.max_inflight, self._headers)
        self._durables = DurableConsumers(options, self._receiver)
        self._backlog = Backlog()
        self._problems = Problems()
        self._files = options.file_contents()
        self._client: NATSClient | None = None
        self._subscriptions: Sequence[int] = ()
        """Those without a durable consumer."""
        self._provides_stream = False

    @classmethod
    def default_routes_for(cls, options: NATSOptions, *, is_source: bool) -> Sequence[str]:
        wanted = not is_source if options.default_routes is None else options.default_routes
        return cls.default_routes if wanted else ()

    @classmethod
    def route_problem(cls, options: NATSOptions, route: NATSRoute, /) -> str:
        if route.mode == "core":
            return ""
        if options.stream is None:
            return 'mode = "jetstream" publishes to a stream; set stream in the endpoint'
        if not options.prefix:
            return 'mode = "jetstream" requires a prefix, from which the stream takes its subjects'
        return ""

    @classmethod
    def media(cls, options: NATSOptions) -> Collection[Hashable]:
        return {server.identity for server in options.servers}

    def describe(self) -> str:
        return str(self._servers.first)

    @property
    def consumer_lag(self) -> Mapping[str, int]:
        return self._durables.lag

    def coalesce_key(self, delivery: NATSDelivery) -> Hashable:
        """The address and the route: two routes may publish under two subjects."""
        message, options, captures = delivery
        return (message.address, id(options), *captures.values())

    def is_durable(self, delivery: NATSDelivery) -> bool:
        """Whether the stream acknowledges it: other messages may be lost."""
        return self._planner.is_stored(delivery)

    # --- the connection ----------------------------------------------------------------------

    async def connect(self) -> None:
        client = await connect(self.options, self._servers, f"oscbridge {self.name}")
        self._client = client
        self._problems.clear()
        client.on_lost = self._on_lost
        client.on_refused = self._on_refused
        self._planner.max_payload = client.max_payload
        self._receiver.begin(self._servers.first)
        client.read_directly(self.receiving)
        self._subscriptions = [
            client.subscribe_directly(
                each.subject, partial(self._on_message, each.payload), each.queue or ""
            )
            for each in self.options.subscribe
            if each.durable is None
        ]
        if len(self.options.subscribe) > len(self.options.durables):
            self.start_task(self._backlog.watch(client))
        self._provides_stream = False
        self._begin_stream()
        if self.options.durables and not self.host.is_dry:  # it would acknowledge messages
            self.start_task(self._durables.run(client, self.host, self._finder(client)))

    def _begin_stream(self) -> None:
        """Create the stream if a route needs it, unless that is in progress."""
        client, is_busy = self._client, self._provides_stream
        if client is None or not self._stored_routes() or is_busy or self.host.is_dry:
            return
        self._provides_stream = True
        self.start_task(self._provide_stream(client))

    async def _provide_stream(self, client: NATSClient) -> None:
        found = await self._finder(client).provide_stream(self._published)
        self._publisher.subjects = found.subjects or ()
        self._provides_stream = False

    def _stored_routes(self) -> Sequence[NATSRoute]:
        routes = [each.options for each in self.routes if each.options is not None]
        return [each for each in routes if each.mode == "jetstream"]

    def _published(self) -> Sequence[str]:
        """The subjects to the stream that are made from addresses."""
        is_plain = any(each.subject is None for each in self._stored_routes())
        return [f"{self.options.prefix}.>"] if is_plain else []

    def _finder(self, client: NATSClient) -> StreamFinder:
        js, version = client.jetstream(timeout=API_TIMEOUT), client.connected_server_version
        return StreamFinder(js, version, self.options, self._report)

    def _report(self, source: str, problem: str) -> None:
        self._problems.report(self.host, source, problem)

    def _on_refused(self, text: str) -> None:
        self.host.refused(text)
        if JETSTREAM in text:  # nothing else would say why there is no answer
            self._report(JETSTREAM, f"JetStream: {shown(text)}; permit it to the user")

    def _on_lost(self, error: Exception) -> None:
        client = self._client
        if client is not None and client.was_slow:
            self.host.input_dropped(
                "slow_consumer", 1, "the server dropped one or more: the bridge read too slowly"
            )
        self._servers.skip()
        self._publisher.lose()
        self.host.connection_lost(error)

    async def unsubscribe(self) -> None:
        client = self._client
        if client is not None:
            await client.drain_directly([*self._subscriptions, *self._durables.pause()])
            await self._durables.end()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                await client.finish()
            finally:
                await client.abort()

    def update(self, options: NATSOptions) -> bool:
        if options != self.options or options.file_contents() != self._files:
            options.tls_context()  # an invalid file rejects the reload
            return False
        return True

    def on_routes_changed(self) -> None:
        self._begin_stream()

    def lease_client(self) -> NATSClient:
        client = self._client
        if client is None or client.loss is not None:
            raise oscbridge.NotConnected
        return client

    # --- messages ----------------------------------------------------------------------------

    def _on_message(
        self, form: Format | None, subject: str, _reply: str, data: bytes, headers: bytes
    ) -> None:
        if self._backlog.is_large:
            self.host.input_dropped("slow_consumer", 1, SLOW)
            return
        try:
            self._receiver.receive(self.host, form, subject, data, headers)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, self._receiver.peer(0))

    async def send_batch(self, deliveries: Sequence[NATSDelivery]) -> None:
        client = self._client
        if client is None or client.loss is not None:
            raise oscbridge.NotConnected
        core: list[int] = []
        stored: list[int] = []
        publications: list[NATSPublication] = []
        rejected: dict[int, oscbridge.BadMessage] = {}
        prepare = self._planner.publication
        for index, delivery in enumerate(deliveries):
            try:
                publication = prepare(delivery)
            except oscbridge.BadMessage as error:
                rejected[index] = error
            else:
                publications.append(publication)
                (stored if publication.is_stored else core).append(index)
        if not stored and not rejected:
            await publish_core(client, publications, self._headers)
            return
        await self._send_parts(client, deliveries, publications, (core, stored), rejected)

    async def _send_parts(
        self,
        client: NATSClient,
        deliveries: Sequence[NATSDelivery],
        publications: Sequence[NATSPublication],
        places: tuple[Sequence[int], Sequence[int]],
        rejected: dict[int, oscbridge.BadMessage],
    ) -> None:
        """Publish a batch of which some messages are for the stream, or are rejected."""
        core, stored = places
        accepted: list[int] = []
        if core:
            plain = [each for each in publications if not each.is_stored]
            try:
                await publish_core(client, plain, self._headers)
            except oscbridge.PartialDelivery as error:
                raise error.within(core, rejected=rejected) from None
            accepted += core
        if stored:
            chosen = [deliveries[index] for index in stored]
            kept = [each for each in publications if each.is_stored]
            ids = self.host.record_ids(chosen)
            try:
                await self._publisher.publish(client, chosen, kept, ids)
            except oscbridge.PartialDelivery as error:
                self._report(PUBLISHER, self._publisher.problem)
                if self._publisher.is_unanswered:
                    self._begin_stream()  # perhaps somebody has deleted it
                raise error.within(stored, accepted, rejected) from None
            self._report(PUBLISHER, "")
            accepted += stored
        if rejected:
            raise oscbridge.PartialDelivery(accepted, rejected)
