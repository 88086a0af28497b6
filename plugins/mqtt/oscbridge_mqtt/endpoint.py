"""The MQTT endpoint: a client of a broker."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from typing import NamedTuple

from paho.mqtt.client import MQTTMessage

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.announcer import Announcer
from oscbridge_mqtt.echo import Echoes
from oscbridge_mqtt.entities import Entities
from oscbridge_mqtt.link import Link
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute, Subscription
from oscbridge_mqtt.publication import Limits, Planner, Publication, status_topic
from oscbridge_mqtt.receiving import Receiver
from oscbridge_mqtt.tls import tls_context
from oscbridge_mqtt.topic import wildcard_parts, without_share
from oscbridge_mqtt.window import Window

__all__ = ["MQTTEndpoint", "Peer"]


class Peer(NamedTuple):
    """The ``peer`` of a message's origin: the broker, and how it delivered the message."""

    host: str
    port: int
    qos: int
    retained: bool
    """Whether the broker had kept it, and replayed it when the bridge subscribed."""


class MQTTEndpoint(oscbridge.Endpoint):
    """Publishes OSC messages to a broker, and makes OSC messages of its topics.

    A batch is done when the system has its messages with QoS 0 and the broker has
    acknowledged those with QoS 1 and 2.
    """

    Options = MQTTOptions
    RouteOptions = MQTTRoute
    on_start = "retry"

    options: MQTTOptions

    def __init__(self, name: str, options: oscbridge.Options) -> None:
        super().__init__(name, options)
        self.client_id = self.options.client_id or default_client_id(name)
        self.status = status_topic(self.options, self.client_id)
        self._link: Link | None = None
        self._window: Window | None = None
        self._planner = Planner(self.options, self.client_id, name)
        self._receiver = Receiver(self)
        self._settled: dict[int, oscbridge.Message] = {}
        """Messages that the broker has taken, and that may be given once more because one
        before them was not."""
        self._entities = Entities(self._planner, lambda text: self.host.refused(text))
        self._documents = homeassistant.documents_of(self.options.discovery, self.client_id)
        self._announcer = Announcer(self._on_settled)
        self._echoes = Echoes()
        self._echoing = [
            without_share(one.topic)
            for one in self.options.subscribe
            if self.options.version != "5" or one.topic.startswith("$share/")
        ]
        """Subscriptions that bring back what is published."""
        self._files = _contents(self.options)

    def describe(self) -> str:
        broker = self.options.broker[0] if self._link is None else self._link.broker
        return str(broker)

    def key(self, message: oscbridge.Message) -> object:
        """What the policy ``latest`` goes by: two routes may publish under two topics."""
        route = message.route
        if not isinstance(route, oscbridge.Routed):
            return message.address
        return (message.address, id(route.options), *route.captures.values())

    def keeps(self, message: oscbridge.Message) -> bool:
        """With QoS 0 nobody asks whether it has arrived, so it need not outlive the bridge."""
        route = message.route
        own = route.options if isinstance(route, oscbridge.Routed) else None
        qos = own.qos if isinstance(own, MQTTRoute) else None
        return (self.options.qos if qos is None else qos) > 0

    async def connect(self) -> None:
        if self._link is None:
            self._link = Link(self.options, self.client_id, self.status, self, self.log)
            # Before it is open: a session that goes on may bring commands at once.
            for entity in self._entities.reroute(self.routes):
                self._take_commands(entity)
        link = self._link
        self._announcer.begin()
        await link.open(qos=self._highest_qos())
        self._planner.limits = link.limits
        self._planner.forget()
        self._warn_of(link.limits)
        subscriptions = [*self.options.subscribe, *self._receiver.command_subscriptions()]
        if subscriptions:
            await link.subscribe(subscriptions)
        if self._entities.are_wanted:
            link.subscriptions.look(self._documents)
        self._announce(link, self.status, b"online")
        self._withdraw(link)
        for entity in self._entities:
            self._announce(link, entity.topic, entity.document)

    def _highest_qos(self) -> int:
        """Of all that may be published."""
        routes = [route.options for route in self.routes]
        own = [route.qos or 0 for route in routes if isinstance(route, MQTTRoute)]
        return max(self.options.qos, *own, 0)

    def _warn_of(self, limits: Limits) -> None:
        if limits.qos < self._highest_qos():
            self.log.warning("to this broker there is no more than QoS %d", limits.qos)
        if not limits.retain:
            self.log.warning("the broker retains nothing: who comes later sees no status or state")

    async def close(self) -> None:
        if self._link is not None:
            await self._link.close()

    def update(self, options: oscbridge.Options) -> bool:
        assert isinstance(options, MQTTOptions)
        files = _contents(options)
        if options != self.options or files != self._files:
            if options.broker[0].is_tls:
                tls_context(options)  # so that a bad file refuses the reload
            return False
        return True

    def rerouted(self) -> None:
        fresh = self._entities.reroute(self.routes)
        link = self._link
        if link is None or not link.is_open:
            for entity in fresh:
                self._take_commands(entity)
            return  # the rest when it is connected
        self._withdraw(link)
        for entity in fresh:
            self._show(link, entity)

    # --- what is announced -------------------------------------------------------------------

    def _announce(self, link: Link, topic: str, document: bytes) -> None:
        self._expect_echo(topic, document)
        self._announcer.say(link, topic, document)

    def _on_settled(self, topic: str, document: bytes, refused: str) -> None:
        if refused:
            self.host.refused(f"{topic[:100]} by the broker: {refused}")
        if not document:
            self._entities.settled(topic)

    def _show(self, link: Link, entity: homeassistant.Announcement) -> None:
        subscription = self._take_commands(entity)
        if subscription is not None:
            link.subscriptions.ask([subscription], link.limits.packet)
        self._announce(link, entity.topic, entity.document)

    def _take_commands(self, entity: homeassistant.Announcement) -> Subscription | None:
        return None if entity.command is None else self._receiver.add_command(entity.command)

    def _withdraw(self, link: Link) -> None:
        """Take back the entities that no route has any more: an empty document removes one."""
        for topic, entity in self._entities.gone.items():
            self._announce(link, topic, b"")
            command = None if entity is None else entity.command
            if command is not None and self._receiver.remove_command(command):
                link.subscriptions.end(command.topic)

    # --- out ---------------------------------------------------------------------------------

    async def send_batch(self, messages: Sequence[oscbridge.Message]) -> None:
        link = self._link
        if link is None:
            raise oscbridge.NotConnected
        indices: list[int] = []
        publications: list[Publication] = []
        bad: oscbridge.BadMessage | None = None
        end = len(messages)
        prepare, settled, simple = self._planner.publication, self._settled, link.takes_packets
        for index, message in enumerate(messages):
            if settled and settled.get(id(message)) is message:
                continue
            try:
                publication = prepare(message)
            except oscbridge.BadMessage as error:
                bad, end = oscbridge.BadMessage(str(error), sent=index), index
                break
            plan = publication.plan
            if plan.qos:
                simple = False
            if plan.entity is not None:
                entity = self._entities.add(plan)
                if entity is not None:
                    self._show(link, entity)
            indices.append(index)
            publications.append(publication)
        if self._echoing:
            for topic, payload, _ in publications:
                self._expect_echo(topic, payload)
        if simple:
            await self._write(link, publications, indices)
        elif publications:
            await self._publish(link, messages, publications, indices)
        if bad is None:
            settled.clear()
        else:
            for message in messages[:end]:
                settled.pop(id(message), None)
            raise bad

    async def _write(
        self, link: Link, publications: Sequence[Publication], indices: Sequence[int]
    ) -> None:
        try:
            await link.write([link.packet(publication) for publication in publications])
        except oscbridge.NotConnected as error:
            sent = indices[error.sent] if error.sent < len(indices) else 0
            raise oscbridge.NotConnected(str(error), sent=sent) from None

    async def _publish(
        self,
        link: Link,
        messages: Sequence[oscbridge.Message],
        publications: Sequence[Publication],
        indices: Sequence[int],
    ) -> None:
        """With QoS 1 or 2 among them: wait for the broker's answers."""
        self._window = window = Window(link, publications)
        error: oscbridge.NotConnected | None = None
        try:
            await window.publish()
        except oscbridge.NotConnected as lost:
            error = lost
        finally:
            self._window = None
            for index, answer in zip(indices, window.answers, strict=True):
                if answer == "":
                    self._settled[id(messages[index])] = messages[index]
        first = next((n for n, answer in enumerate(window.answers) if answer != ""), None)
        if first is None:
            return
        done = indices[first]  # all before it are taken
        if window.answers[first]:
            topic = publications[first].topic
            text = f"the broker refuses {messages[done].address} as {topic}"
            raise oscbridge.BadMessage(f"{text}: {window.answers[first]}", sent=done)
        raise oscbridge.NotConnected(str(error), sent=done)

    def _expect_echo(self, topic: str, payload: bytes) -> None:
        if any(wildcard_parts(text, topic) is not None for text in self._echoing):
            self._echoes.add(topic, payload)

    # --- the link tells ----------------------------------------------------------------------

    def acknowledged(self, mid: int, refused: str) -> None:
        if self._link is not None:
            self._announcer.acknowledged(self._link, mid, refused)
        if self._window is not None:
            self._window.acknowledged(mid, refused)

    def refused(self, topic: str, reason: str) -> None:
        self.host.refused(f"a subscription to {topic} by the broker: {reason}")

    def lost(self, error: Exception) -> None:
        if self._window is not None:
            self._window.lost(error)
        super().lost(error)

    def received(self, message: MQTTMessage) -> None:
        assert self._link is not None
        _, host, port, _ = self._link.broker
        peer = Peer(host, port, message.qos, message.retain)
        payload = bytes(message.payload)
        try:
            try:
                topic = message.topic
            except UnicodeDecodeError:
                raise oscbridge.DecodeError("utf8", "a topic that is not UTF-8") from None
            if topic.endswith("/config") and wildcard_parts(self._documents, topic) is not None:
                self._look_at(topic, payload, peer)
                return
            if topic == self.status:
                return
            if self._echoing and not message.retain and self._echoes.take(topic, payload):
                return
            self._receiver.receive(topic, payload, peer)
        except oscbridge.DecodeError as error:
            self.host.bad_input(error, peer)

    def _look_at(self, topic: str, document: bytes, peer: Peer) -> None:
        """At an entity that the broker knows; it may be of an earlier start."""
        if peer.retained and self._link is not None and self._entities.found(topic, document):
            self._announce(self._link, topic, b"")


def default_client_id(name: str) -> str:
    """The same at each start: a session is known by it."""
    text = f"oscbridge-{socket.gethostname()}-{name}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", text)[:128]


def _contents(options: MQTTOptions) -> Sequence[bytes]:
    """What the files of the options hold now."""
    files = (options.ca, options.certificate, options.key)
    return [b"" if file is None else file.read_bytes() for file in files]
