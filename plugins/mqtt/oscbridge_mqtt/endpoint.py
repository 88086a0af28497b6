"""The MQTT endpoint: a client of a broker."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import ClassVar

from paho.mqtt.client import MQTTMessage

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.announcer import Announcer
from oscbridge_mqtt.client import default_client_id
from oscbridge_mqtt.described_routes import DescribedRoutes
from oscbridge_mqtt.echo import EchoFilter
from oscbridge_mqtt.entities import Entities
from oscbridge_mqtt.entity_options import STATELESS
from oscbridge_mqtt.entity_states import Command, state_encoder
from oscbridge_mqtt.limits import BrokerLimits
from oscbridge_mqtt.loops import LoopWatch
from oscbridge_mqtt.new_events import NewEvents, held_back
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute
from oscbridge_mqtt.overlaps import SubscriptionPlan
from oscbridge_mqtt.peers import BrokerPeer
from oscbridge_mqtt.publication import MQTTDelivery, Publication, PublicationPlanner, status_topic
from oscbridge_mqtt.publisher import Publisher
from oscbridge_mqtt.receiving import Receiver
from oscbridge_mqtt.session import BrokerSession
from oscbridge_mqtt.topic import wildcard_parts

__all__ = ["MQTTEndpoint"]


class MQTTEndpoint(
    DescribedRoutes,
    oscbridge.Endpoint[MQTTOptions, MQTTDelivery],
    oscbridge.Coalescing[MQTTDelivery],
    oscbridge.Durability[MQTTDelivery],
    oscbridge.Reconfigurable[MQTTOptions],
    oscbridge.RouteAware[MQTTRoute],
    oscbridge.SharesMedium[MQTTOptions],
):
    """Publishes OSC messages to a broker, and converts messages of its topics to OSC.

    A batch is delivered when the system has taken the messages with QoS 0 and the broker has
    acknowledged those with QoS 1 and 2.
    """

    example_options: ClassVar[oscbridge.TomlTable] = {"broker": "mqtt://192.168.1.2"}
    example_peer = "oscbridge_mqtt.conformance:MosquittoPeer"
    on_start = "retry"
    default_routes = ("*",)

    def __init__(self, name: str, options: MQTTOptions) -> None:
        super().__init__(name, options)
        self.client_id = self.options.client_id or default_client_id(
            name, self.options.configuration
        )
        self.status = status_topic(self.options, self.client_id)
        self._session: BrokerSession | None = None
        self._publisher = Publisher()
        self._planner = PublicationPlanner(self.options, self.client_id, name)
        self._planner.known = lambda: self.addresses.visible
        self._plan = SubscriptionPlan(self.options.subscribe)
        self._receiver = Receiver(self, self.options, self._plan)
        self._entities = Entities(self._planner, lambda text: self.host.refused(text))
        self._documents = homeassistant.documents_of(self.options.discovery, self.client_id)
        self._announcer = Announcer(self._on_announced)
        self._new_events = NewEvents()
        self._echoes = EchoFilter(self.options)
        self.loops = LoopWatch(self.log)
        self._files = self.options.file_contents()

    @classmethod
    def default_routes_for(cls, options: MQTTOptions, *, is_source: bool) -> Sequence[str]:
        wanted = not is_source if options.default_routes is None else options.default_routes
        return cls.default_routes if wanted else ()

    @classmethod
    def media(cls, options: MQTTOptions) -> Collection[Hashable]:
        return {broker.identity for broker in options.broker}

    def describe(self) -> str:
        broker = self.options.broker[0] if self._session is None else self._session.broker
        return str(broker)

    def coalesce_key(self, delivery: MQTTDelivery) -> Hashable:
        """The address and the route: two routes may publish under two topics."""
        message, options, captures = delivery
        return (message.address, id(options), *captures.values())

    def is_durable(self, delivery: MQTTDelivery) -> bool:
        """Whether the QoS is above 0: messages with QoS 0 may be lost."""
        qos = None if delivery.options is None else delivery.options.qos
        return (self.options.qos if qos is None else qos) > 0

    async def connect(self) -> None:
        if self._entities.are_wanted(self.routes):
            await self.addresses.prepare()
        if self._session is None:
            status = "" if self.host.is_dry else self.status
            self._session = BrokerSession(self.options, self.client_id, status, self, self.log)
            # Before it is open: a resumed session may deliver commands immediately.
            for entity in self._entities.reroute(self.routes):
                self._accept_commands(entity)
        session = self._session
        self._announcer.begin()
        await session.open(qos=self._highest_qos())
        self._planner.set_limits(session.limits)
        self._warn_about(session.limits)
        self._plan.begin(session.is_5 and session.limits.identifiers)
        self._receiver.begin()
        subscriptions = self._plan.missing(self._receiver.command_subscriptions())
        if subscriptions:
            await session.subscribe(subscriptions)
        if self._entities.are_configured:
            session.subscriptions.subscribe_to_own(self._documents)
        self._announce(session, self.status, b"online")
        self._remove_entities(session)
        for entity in self._entities:
            self._new_events.announced(entity)
            self._announce(session, entity.topic, entity.document)

    def _highest_qos(self) -> int:
        """The highest QoS of the endpoint and all routes to it."""
        own = [each.options.qos or 0 for each in self.routes if each.options is not None]
        return max(self.options.qos, *own, 0)

    def _warn_about(self, limits: BrokerLimits) -> None:
        if limits.qos < self._highest_qos():
            self.log.warning("publishing with QoS %d: this broker accepts no more", limits.qos)
        if not limits.retain:
            self.log.warning("the broker retains no messages: new clients see no status or state")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def update(self, options: MQTTOptions) -> bool:
        if options != self.options or options.file_contents() != self._files:
            if options.broker[0].is_tls:
                options.tls_context()  # an invalid file rejects the reload
            return False
        return True

    def on_addresses_changed(self, change: oscbridge.AddressChange) -> None:
        if self._planner.is_changed_by(change):
            self.on_routes_changed()

    def on_routes_changed(self) -> None:
        fresh = self._entities.reroute(self.routes)
        session = self._session
        if session is None or not session.is_open:
            for entity in fresh:
                self._accept_commands(entity)
            return  # connect() announces them
        self._remove_entities(session)
        for entity in fresh:
            self._add_entity(session, entity)

    # --- announcements -----------------------------------------------------------------------

    def _announce(self, session: BrokerSession, topic: str, document: bytes) -> None:
        self._echoes.expect(topic, document)
        self._announcer.announce(session, topic, document)

    def _on_announced(self, topic: str, document: bytes, reason: str) -> None:
        if reason:
            self.host.refused(f"document {topic[:100]} rejected by the broker: {reason}")
        if not document:
            self._entities.settled(topic)

    def _add_entity(self, session: BrokerSession, entity: homeassistant.Announcement) -> None:
        self._accept_commands(entity)
        self._subscribe_missing(session)
        self._new_events.announced(entity)
        self._announce(session, entity.topic, entity.document)

    def _accept_commands(self, entity: homeassistant.Announcement) -> None:
        if entity.command is not None:
            self._receiver.add_command(entity.command)

    def _subscribe_missing(self, session: BrokerSession) -> None:
        missing = self._plan.missing(self._receiver.command_subscriptions())
        session.subscriptions.subscribe(missing, session.limits.packet_size)

    def _remove_entities(self, session: BrokerSession) -> None:
        """Remove the entities without a route: an empty document removes one."""
        for topic, entity in self._entities.removed.items():
            self._new_events.removed(topic)
            self._announce(session, topic, b"")
            command = None if entity is None else entity.command
            is_unused = command is not None and self._receiver.remove_command(command)
            if command is not None and is_unused and self._plan.unsubscribe(command.topic):
                session.subscriptions.unsubscribe(command.topic)

    # --- publishing --------------------------------------------------------------------------

    async def send_batch(self, deliveries: Sequence[MQTTDelivery]) -> None:
        session = self._session
        if session is None:
            raise oscbridge.NotConnected
        indices: list[int] = []
        publications: list[Publication] = []
        rejected: dict[int, oscbridge.BadMessage] = {}
        held = 0.0
        prepare = self._planner.publication
        for index, delivery in enumerate(deliveries):
            try:
                publication = prepare(delivery)
            except oscbridge.BadMessage as error:
                rejected[index] = error
                continue
            plan = publication.plan
            if plan.entity is not None:
                entity = self._entities.add(plan)
                if entity is not None:
                    self._add_entity(session, entity)
                if wait := self._new_events.wait(plan.entity):
                    held = max(held, wait)
                    continue
            indices.append(index)
            publications.append(publication)
        if self._echoes:
            for topic, payload, _ in publications:
                self._echoes.expect(topic, payload)
        if self.loops.meet(self.neighbours).is_heard:
            for index, (topic, payload, _) in zip(indices, publications, strict=True):
                self.loops.published(topic, payload, deliveries[index].message)
        chosen = [deliveries[index] for index in indices]
        try:
            if publications:
                await self._publisher.publish(session, chosen, publications)
        except oscbridge.PartialDelivery as partial:
            raise partial.within(indices, rejected=rejected) from None
        if rejected or held:
            raise oscbridge.PartialDelivery(indices, rejected, held_back(held))

    # --- events of the session ---------------------------------------------------------------

    def on_acknowledged(self, mid: int, reason: str) -> None:
        if self._session is not None:
            self._announcer.acknowledged(self._session, mid, reason)
        self._publisher.acknowledged(mid, reason)

    def on_subscription_answered(self, topic: str, reason: str) -> None:
        if reason:
            self.host.refused(f"subscription to {topic} rejected by the broker: {reason}")
        if self._plan.answered(topic, is_rejected=bool(reason)):
            self._receiver.subscriptions_changed()
            if reason and self._session is not None:
                self._subscribe_missing(self._session)

    def subscription_identifier(self, topic: str) -> int:
        return self._plan.identifier(topic)

    def on_connection_lost(self, error: Exception) -> None:
        self._publisher.connection_lost(error)
        self.host.connection_lost(error)

    def receive_packet(self, data: bytes, peer: BrokerPeer) -> None:
        self.host.receive_packet(data, peer)

    def bad_input(self, error: oscbridge.DecodeError, peer: BrokerPeer) -> None:
        self.host.bad_input(error, peer)

    def on_message(self, message: MQTTMessage) -> None:
        assert self._session is not None
        broker = self._session.broker
        peer = BrokerPeer(broker.host, broker.port, message.qos, message.retain)
        payload = bytes(message.payload)
        try:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                raise oscbridge.DecodeError("utf8", "the topic is not valid UTF-8") from None
            if topic.endswith("/config") and wildcard_parts(self._documents, topic) is not None:
                self._on_document(topic, payload, peer)
                return
            if topic == self.status:
                return
            if not message.retain and self._echoes.take(topic, payload):
                return
            if self.neighbours and not message.retain:
                peer = self.loops.meet(self.neighbours).returned(topic, payload, peer)
            identifiers: Sequence[int] = ()
            if self._plan.reads_identifiers:
                identifiers = getattr(message.properties, "SubscriptionIdentifier", ())
            self._receiver.receive(topic, payload, peer, identifiers)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, peer)

    def _on_document(self, topic: str, document: bytes, peer: BrokerPeer) -> None:
        """A discovery document at the broker, perhaps of an earlier start."""
        session = self._session
        if not peer.retained or session is None:
            return
        self._new_events.found(topic)
        entity = self._entities.found(topic, document)
        if entity is not None:
            self._accept_commands(entity)
            self._subscribe_missing(session)
        elif topic in self._entities.removed:
            self._announce(session, topic, b"")

    def on_command(self, command: Command, message: oscbridge.Message) -> None:
        """An optimistic entity has the commanded value at once."""
        session, entity = self._session, command.entity
        if not entity.optimistic or session is None or entity.component in STATELESS:
            return
        if not message.args:  # the stop of a cover
            return
        state = state_encoder(entity)(message)
        if command.retain:
            self._announce(session, command.state_topic, state)
        else:
            self._echoes.expect(command.state_topic, state)
            session.publish(command.state_topic, state, 0, False)
