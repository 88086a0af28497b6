"""From an OSC message to what is published: topic, payload, QoS and retained flag."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.options import MQTTOptions, MQTTRoute, QoS
from oscbridge_mqtt.payload import Encode, encoder
from oscbridge_mqtt.topic import Template, check_topic
from oscbridge_mqtt.values import to_text

__all__ = ["Plan", "Planner", "Publication", "packet_of"]

MAX_PLANS: Final = 4_096
"""Addresses for which topic and format are remembered; then it begins anew."""

PUBLISH: Final = 0x30
"""The first byte of a PUBLISH packet (MQTT 5.0, section 3.3)."""

_SIZE: Final = struct.Struct(">H")


class Plan(NamedTuple):
    """How the messages of one address and one route are published."""

    topic: str | None
    """None if it depends on the arguments."""
    make_topic: Callable[[oscbridge.Message], str]
    encode: Encode
    qos: int
    retain: bool
    first: bytes
    """The first byte of a PUBLISH packet."""
    head: bytes
    """What stands behind the length: the topic. Empty if the topic depends on the arguments."""
    entity: homeassistant.Announcement | None
    route: object
    """Kept, so that no other has its ``id``."""


class Publication(NamedTuple):
    """What is published for one message."""

    topic: str
    payload: bytes
    plan: Plan


class Limits(NamedTuple):
    """What the broker allows."""

    qos: QoS = 2
    retain: bool = True
    packet: int = 268_435_455
    """Bytes."""


class Planner:
    """Makes publications of messages, and remembers how by address and route."""

    def __init__(self, options: MQTTOptions, client_id: str, device: str) -> None:
        self.limits = Limits()
        """Set when connected; then :meth:`forget`."""
        self._options = options
        self._client_id = client_id
        self._device = device
        self._plans: dict[object, Plan] = {}

    def forget(self) -> None:
        """Make all plans anew: the broker may allow something else."""
        self._plans.clear()

    def publication(self, message: oscbridge.Message) -> Publication:
        """What to publish. Raises :class:`oscbridge.BadMessage` that says why it cannot be."""
        route = message.route
        if route is None:
            key: object = message.address
        else:
            assert isinstance(route, oscbridge.Routed)
            key = (message.address, id(route.options), *route.captures.values())
        plan = self._plans.get(key)
        try:
            if plan is None:
                plan = self._remember(key, message)
            topic = plan.topic
            if topic is None:
                topic = check_topic(plan.make_topic(message))
            payload = plan.encode(message)
        except (ValueError, LookupError) as error:  # an EncodeError is a ValueError
            raise oscbridge.BadMessage(f"{message.address}: {error}") from None
        if len(payload) + 16 + len(topic) * 4 > self.limits.packet:
            self._check_size(message, topic, payload)
        return Publication(topic, payload, plan)

    def entity(self, message: oscbridge.Message) -> homeassistant.Announcement | None:
        """The entity of Home Assistant that a message belongs to; its arguments do not matter.

        Raises ``LookupError`` and ``ValueError``.
        """
        return self._plan(message).entity

    def _check_size(self, message: oscbridge.Message, topic: str, payload: bytes) -> None:
        size = len(payload) + len(topic.encode()) + 10
        if size > self.limits.packet:
            raise oscbridge.BadMessage(
                f"{message.address}: {len(payload)} bytes of payload; the broker takes packets "
                f"of at most {self.limits.packet} bytes"
            )

    def _remember(self, key: object, message: oscbridge.Message) -> Plan:
        plan = self._plan(message)
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def _plan(self, message: oscbridge.Message) -> Plan:
        routed = message.route
        options = routed.options if isinstance(routed, oscbridge.Routed) else None
        captures = routed.captures if isinstance(routed, oscbridge.Routed) else {}
        own = options if isinstance(options, MQTTRoute) else MQTTRoute()
        defaults = self._options
        qos = defaults.qos if own.qos is None else own.qos
        retain = defaults.retain or own.homeassistant is not None
        if own.retain is not None:
            retain = own.retain
        topic, make_topic = self._topic(own, message.address, captures)
        if topic is not None:
            check_topic(topic)
        entity = None
        form = own.payload or defaults.payload
        encode = encoder(form) or _template_encoder(form, captures)
        if own.homeassistant is not None:
            assert topic is not None  # MQTTRoute sees to it
            entity = homeassistant.announce(
                own.homeassistant, message, captures, topic,
                client_id=self._client_id, device=self._device, discovery=defaults.discovery,
                status=status_topic(defaults, self._client_id),
            )  # fmt: skip
            encode = homeassistant.state_encoder(own.homeassistant)
        retain = retain and self.limits.retain
        qos = qos if qos <= self.limits.qos else self.limits.qos
        return Plan(
            topic,
            make_topic,
            encode,
            qos,
            retain,
            bytes([PUBLISH | qos << 1 | retain]),
            b"" if topic is None else head_of(topic),
            entity,
            options,
        )

    def _topic(
        self, own: MQTTRoute, address: str, captures: Mapping[str, str]
    ) -> tuple[str | None, Callable[[oscbridge.Message], str]]:
        """The topic, or None with how it is made."""
        if own.topic is None:
            prefix = self._options.prefix
            plain = address.removeprefix("/")
            topic = f"{prefix}/{plain}" if prefix else plain
            return topic, lambda _message: topic
        template = Template(own.topic)

        def fill(message: oscbridge.Message) -> str:
            return template.fill(
                lambda name: look_up(name, message, captures, message.address.removeprefix("/"))
            )

        if any(name == "*" or name.isdigit() for name in template.names):
            return None, fill
        return fill(oscbridge.Message(address)), fill


def status_topic(options: MQTTOptions, client_id: str) -> str:
    """Where it is said whether the bridge is there."""
    return options.status or f"{options.prefix or client_id}/status"


def head_of(topic: str) -> bytes:
    """What begins the variable header of a PUBLISH packet."""
    raw = topic.encode()
    return _SIZE.pack(len(raw)) + raw


@lru_cache(maxsize=4_096)
def length_of(size: int) -> bytes:
    """A variable byte integer (MQTT 5.0, section 1.5.5)."""
    out = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        out.append(digit | 0x80 if size else digit)
        if not size:
            return bytes(out)


def packet_of(publication: Publication, is_5: bool, mid: int = 0) -> bytes:
    """A PUBLISH packet; with QoS 1 it has the number ``mid``."""
    topic, payload, plan = publication
    head = plan.head or head_of(topic)
    if plan.qos:
        head += _SIZE.pack(mid)
    if is_5:
        head += b"\0"  # no properties
    return plan.first + length_of(len(head) + len(payload)) + head + payload


def look_up(
    name: str, message: oscbridge.Message, captures: Mapping[str, str], address: str
) -> str:
    """What a placeholder stands for. Raises ``LookupError`` that says what is missing."""
    if name == "*":
        return " ".join([to_text(arg) for arg in message.args])
    if name.isdigit():
        if int(name) >= len(message.args):
            raise LookupError(f"there is no argument {{{name}}}")
        return to_text(message.args[int(name)])
    if name in captures:
        return captures[name]
    if name == "address":
        return address
    offered = ", ".join(f"{{{capture}}}" for capture in captures) or "no names"
    raise LookupError(f"{{{name}}} is unknown; the route's match captures {offered}")


def _template_encoder(text: str, captures: Mapping[str, str]) -> Encode:
    template = Template(text)
    return lambda message: template.fill(
        lambda name: look_up(name, message, captures, message.address)
    ).encode()
