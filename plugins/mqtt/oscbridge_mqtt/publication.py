"""Converts OSC messages to publications: topic, payload, QoS and retain flag."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.entity_options import STATELESS, Entity
from oscbridge_mqtt.entity_states import state_encoder
from oscbridge_mqtt.limits import BrokerLimits
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute
from oscbridge_mqtt.packets import publish_first, topic_header
from oscbridge_mqtt.payload import Encode, encoder
from oscbridge_mqtt.topic import SHOWN, check_published, text_template

__all__ = ["MQTTDelivery", "Publication", "PublicationPlan", "PublicationPlanner", "status_topic"]

MQTTDelivery: TypeAlias = oscbridge.Delivery[MQTTRoute]

MAX_PLANS: Final = 4_096
"""Most addresses for which topic and format are cached; then the cache starts empty."""

OVERHEAD: Final = 10
"""Most bytes of a PUBLISH packet in addition to topic and payload."""


class PublicationPlan(NamedTuple):
    """How the messages of one address and one route are published."""

    topic: str | None
    """None if it depends on the arguments."""
    make_topic: Callable[[oscbridge.Message, Mapping[str, str]], str]
    encode: Encode | None
    """None for a template, which needs the captures of the message."""
    fill: oscbridge.EncodeRouted
    qos: int
    retain: bool
    first: bytes
    """The first byte of a PUBLISH packet."""
    header: bytes
    """The topic's :func:`topic_header`; empty if the topic depends on the arguments."""
    entity: homeassistant.Announcement | None
    route: object
    """Referenced so that no other route's options get the same ``id``."""


class Publication(NamedTuple):
    """The publication of one message."""

    topic: str
    payload: bytes
    plan: PublicationPlan


class PublicationPlanner:
    """Converts messages to publications, and caches plans by address and route."""

    def __init__(self, options: MQTTOptions, client_id: str, device: str) -> None:
        self.limits = BrokerLimits()
        self._options = options
        self._announced_by = homeassistant.AnnouncedBy(
            client_id, device, options.discovery, status_topic(options, client_id)
        )
        self._plans: dict[object, PublicationPlan] = {}
        self.known: Callable[[], Mapping[str, oscbridge.AddressInfo]] = dict
        """The facts about addresses: it describes entities."""

        self._used: dict[str, oscbridge.AddressInfo | None] = {}
        """The facts about addresses of entities."""

    def is_changed_by(self, change: oscbridge.AddressChange) -> bool:
        """Whether an entity is described otherwise after a change. Forgets the plans then."""
        known, used = self.known(), self._used
        addresses = [each for each in itertools.chain(*change) if each in used]
        if not any(_facts(known.get(each)) != _facts(used[each]) for each in addresses):
            return False
        self._plans.clear()
        self._used.clear()
        return True

    def described(self, entity: Entity, address: str) -> Entity:
        """The options of an entity, with the facts about its address."""
        info = self.known().get(address)
        if len(self._used) >= MAX_PLANS:
            self._used.clear()
        self._used[address] = info
        return entity.with_facts(info)

    def known_types(self, address: str) -> str:
        """The type tags of an address; empty if they are not known."""
        info = self.known().get(address)
        return "" if info is None else info.types

    def set_limits(self, limits: BrokerLimits) -> None:
        """Plan for the limits of the connected broker."""
        self.limits = limits
        self._plans.clear()

    def publication(self, delivery: MQTTDelivery) -> Publication:
        """Convert a message. Raises :class:`oscbridge.BadMessage` with the reason."""
        message, options, captures = delivery
        key = (message.address, id(options), *captures.values())
        plan = self._plans.get(key)
        try:
            if plan is None:
                plan = self._cache(key, delivery)
            topic = plan.topic
            if topic is None:
                topic = self._checked(plan.make_topic(message, captures), options)
            encode = plan.encode
            payload = plan.fill(message, captures) if encode is None else encode(message)
        except (ValueError, LookupError) as error:  # an EncodeError is a ValueError
            raise oscbridge.BadMessage(f"{message.address[:SHOWN]}: {error}") from None
        if len(payload) + OVERHEAD + len(topic) * 4 > self.limits.packet_size:
            self._check_size(message, topic, payload)
        return Publication(topic, payload, plan)

    def entity(self, delivery: MQTTDelivery) -> homeassistant.Announcement | None:
        """The Home Assistant entity of a message; its arguments do not matter.

        Raises ``LookupError`` and ``ValueError``.
        """
        return self._plan(delivery).entity

    def _check_size(self, message: oscbridge.Message, topic: str, payload: bytes) -> None:
        size = len(payload) + len(topic.encode()) + OVERHEAD
        if size > self.limits.packet_size:
            raise oscbridge.BadMessage(
                f"{message.address}: payload of {len(payload)} bytes; the broker accepts packets "
                f"of at most {self.limits.packet_size} bytes"
            )

    def _cache(self, key: object, delivery: MQTTDelivery) -> PublicationPlan:
        plan = self._plan(delivery)
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _plan(self, delivery: MQTTDelivery) -> PublicationPlan:
        message, options, captures = delivery
        own = options or MQTTRoute()
        defaults = self._options
        qos = defaults.qos if own.qos is None else own.qos
        component = None if own.homeassistant is None else own.homeassistant.component
        retain = component not in STATELESS if component else defaults.retain
        if own.retain is not None:
            retain = own.retain
        topic, make_topic = self._topic(own, message.address, captures)
        if topic is not None:
            self._checked(topic, own)
        entity = None
        form = own.payload or defaults.payload
        encode = encoder(form)
        if own.constant is not None:
            encode = _constant_encoder(own.constant)
        if own.homeassistant is not None:
            assert topic is not None  # checked by MQTTRoute
            described = self.described(own.homeassistant, message.address)
            entity = homeassistant.announce(
                described, message, captures, topic, self._announced_by, retain=retain
            )
            encode = state_encoder(described)
        retain = retain and self.limits.retain
        qos = min(qos, self.limits.qos)
        first = publish_first(qos, retain)
        header = b"" if topic is None else topic_header(topic)
        fill = oscbridge.template_encoder(form) if encode is None else _unrouted(encode)
        return PublicationPlan(
            topic, make_topic, encode, fill, qos, retain, first, header, entity, options
        )

    def _checked(self, topic: str, own: MQTTRoute | None) -> str:
        """Raises ``ValueError`` for a topic that must not be sent."""
        configured = None if own is None else own.topic
        levels = self._options.max_topic_levels
        return check_published(topic, configured or self._options.prefix, levels)

    def _topic(
        self, own: MQTTRoute, address: str, captures: Mapping[str, str]
    ) -> tuple[str | None, Callable[[oscbridge.Message, Mapping[str, str]], str]]:
        """The topic, or None if it depends on arguments; and the function that makes it."""
        if own.topic is None:
            prefix = self._options.prefix
            plain = address.removeprefix("/")
            topic = f"{prefix}/{plain}" if prefix else plain
            return topic, lambda _message, _captures: topic
        template = text_template(own.topic, expressions=True)

        def fill(message: oscbridge.Message, captures: Mapping[str, str]) -> str:
            plain = message.address.removeprefix("/")
            return template.fill(
                lambda placeholder: oscbridge.placeholder_text(
                    placeholder, message, captures, plain
                )
            )

        if template.depends_on_arguments:
            return None, fill
        return fill(oscbridge.Message(address), captures), fill


def status_topic(options: MQTTOptions, client_id: str) -> str:
    """The topic that says whether the bridge is online."""
    return options.status or f"{options.prefix or client_id}/status"


def _facts(info: oscbridge.AddressInfo | None) -> object:
    """The facts that entities have."""
    return ((), "", "") if info is None else (info.ranges, info.unit, info.curve)


def _unrouted(encode: Encode) -> oscbridge.EncodeRouted:
    return lambda message, _captures: encode(message)


def _constant_encoder(text: str) -> Encode:
    payload = text.encode()
    return lambda _message: payload
