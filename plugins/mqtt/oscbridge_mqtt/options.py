"""The keys of an endpoint with ``type = "mqtt"``, and of a route to one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

import oscbridge
from oscbridge_mqtt.broker import BrokerURL
from oscbridge_mqtt.topic import (
    TextTemplate,
    check_filter,
    check_topic,
    without_share,
)
from oscbridge_mqtt.values import TYPES

__all__ = ["FORMATS", "Entity", "Format", "MQTTOptions", "MQTTRoute", "QoS", "Subscription"]

QoS: TypeAlias = Literal[0, 1, 2]
Format: TypeAlias = Literal["json", "text", "typed", "osc"]

FORMATS: Final = ("json", "text", "typed", "osc")
"""The ways to write a message as a payload, beside a template."""

MAX_SUBSCRIPTIONS: Final = 1_000
"""Subscriptions of one endpoint."""

MAX_BROKERS: Final = 100
"""Nodes of a cluster."""

_CLIENT_ID: Final = re.compile(r"[^\s\x00-\x1f\x7f/+#]{1,128}")
_ADDRESS: Final = re.compile(r"/[^\s#*,?\[\]\x00-\x1f\x7f]*")


def _prefix(value: str) -> str:
    if not value:
        return value
    if value.startswith("/") or value.endswith("/"):
        raise ValueError("write it without a slash at its ends")
    return check_topic(value)


def _client_id(value: str | None) -> str | None:
    if value is not None and not _CLIENT_ID.fullmatch(value):
        raise ValueError("1 to 128 characters, without blanks, slashes, + and #")
    return value


def _types(value: str | None) -> str | None:
    for tag in value or "":
        if tag not in TYPES:
            raise ValueError(f"{tag!r} is no type that a payload can have; known: {TYPES}")
    return value


def _address(value: str | None) -> str | None:
    if value is not None and not _ADDRESS.fullmatch(value):
        raise ValueError("an address starts with '/' and has no blank and none of # * , ? [ ]")
    return value


def _payload(value: str, info: ValidationInfo) -> str:
    if value not in FORMATS and not TextTemplate(value).names:
        raise ValueError(
            f"expected {', '.join(FORMATS)}, or a template with a place for an argument, as {{0}}"
        )
    oscbridge.check_captures(_captured(value, "address"), info)
    return value


def _topic_template(value: str, info: ValidationInfo) -> str:
    # What fills the places is checked with each message.
    check_topic(TextTemplate(value).fill(lambda _name: "x"))
    oscbridge.check_captures(_captured(value, "address"), info)
    return value


def _of_captures(value: str | None, info: ValidationInfo) -> str | None:
    oscbridge.check_captures(TextTemplate(value or "").names, info)
    return value


def _captured(text: str, *others: str) -> list[str]:
    """The names in a template that stand for captures: not for arguments, nor the ``others``."""
    names = TextTemplate(text).names
    return [name for name in names if name not in ("*", *others) and not name.isdigit()]


def _on_arguments(text: str | None) -> bool:
    return any(name == "*" or name.isdigit() for name in TextTemplate(text or "").names)


def _brokers(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _one_scheme(value: tuple[BrokerURL, ...]) -> tuple[BrokerURL, ...]:
    if len({broker.scheme for broker in value}) > 1:
        raise ValueError("the nodes of a cluster are reached in one way: mqtt://, or mqtts://, ...")
    return value


def _subscription(value: object) -> object:
    return {"topic": value} if isinstance(value, str) else value


Brokers: TypeAlias = Annotated[
    tuple[BrokerURL, ...],
    BeforeValidator(_brokers),
    AfterValidator(_one_scheme),
    Field(min_length=1, max_length=MAX_BROKERS),
]
Topic: TypeAlias = Annotated[str, AfterValidator(check_topic)]
Filter: TypeAlias = Annotated[str, AfterValidator(check_filter)]
Types: TypeAlias = Annotated[str | None, AfterValidator(_types)]
Payload: TypeAlias = Annotated[str, AfterValidator(_payload)]
TopicTemplate: TypeAlias = Annotated[str, AfterValidator(_topic_template)]
Address: TypeAlias = Annotated[str | None, AfterValidator(_address)]
Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class Subscription(oscbridge.Options):
    """One entry of ``subscribe``; a text alone is its topic."""

    topic: Filter
    """What to subscribe to; ``+`` and ``#`` match, ``$share/group/...`` shares the work."""
    qos: QoS = 1
    """The highest QoS that the broker delivers with."""
    payload: Format | None = None
    """How payloads are read; as the endpoint's ``payload`` unless given."""
    types: Types = None
    """Type tags of the arguments, as ``"f"``; inferred unless given."""
    address: Address = None
    """The address, as ``/light/{1}``: ``{1}`` ``{2}`` are what ``+`` and ``#`` stand for,
    ``{topic}`` is the topic, ``{qos}`` 0 to 2, ``{retained}`` ``retained`` or ``live``."""
    retained: Literal["take", "ignore"] = "take"
    """What to do with retained messages that the broker replays."""

    @model_validator(mode="after")
    def _check(self) -> Subscription:
        if self.payload in ("typed", "osc") and (self.address or self.types):
            raise ValueError(
                f'with payload = "{self.payload}" the payload itself says the '
                "address and the types; leave address and types out"
            )
        if self.address is not None:
            wildcards = sum(part in "+#" for part in without_share(self.topic).split("/") if part)
            known = [*map(str, range(1, wildcards + 1)), "topic", "qos", "retained"]
            for name in TextTemplate(self.address).names:
                if name not in known:
                    offered = ", ".join(f"{{{name}}}" for name in known)
                    raise ValueError(f"address: {{{name}}} is unknown; there is {offered}")
        return self


class Entity(oscbridge.Options):
    """``homeassistant = {...}`` of a route: an entity of Home Assistant."""

    component: Literal["number", "switch", "sensor", "light"]
    """What it is there."""
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_of_captures)]
    """What it is called there; captures may stand in it, as ``"Fader {ch}"``."""
    min: Finite = 0.0
    """The lowest value, for ``number`` and ``light``."""
    max: Finite = 1.0
    """The highest value; a light is at full brightness there."""
    step: Annotated[Finite, Field(ge=0.001)] = 0.01
    """The steps of a ``number``."""
    unit: str | None = None
    """The unit, as ``"dB"``."""
    device_class: str | None = None
    """The kind of number or sensor, as Home Assistant names it."""
    icon: str | None = None
    """An icon, as ``"mdi:tune-vertical"``."""
    command: Annotated[Address, AfterValidator(_of_captures)] = None
    """The address of what Home Assistant sends; that of the message unless given."""
    optimistic: bool = False
    """Whether Home Assistant shows what it has sent without waiting for an answer."""

    @model_validator(mode="after")
    def _check(self) -> Entity:
        if not self.min < self.max:
            raise ValueError("min must be below max")
        return self


class MQTTRoute(oscbridge.Options):
    """``mqtt = {...}`` in a ``[[route]]``."""

    topic: TopicTemplate | None = None
    """The topic, as ``studio/mixer/{ch}``; the prefix and the address unless given."""
    qos: QoS | None = None
    """0 at most once, 1 at least once, 2 exactly once; the endpoint's unless given."""
    retain: bool | None = None
    """Whether the broker keeps the last message for those who come later."""
    payload: Payload | None = None
    """``json``, ``text``, ``typed``, ``osc``, or a template, as ``"{0} dB"``."""
    homeassistant: Entity | None = None
    """Makes an entity of Home Assistant of it."""

    @model_validator(mode="after")
    def _check(self) -> MQTTRoute:
        if self.homeassistant is not None and _on_arguments(self.topic):
            raise ValueError(
                "with homeassistant the topic is the entity's name: it cannot depend on arguments"
            )
        if self.homeassistant is not None and self.payload is not None:
            raise ValueError(
                "with homeassistant its component says how a value is written; leave payload out"
            )
        return self


class MQTTOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "mqtt"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"max_payload": "max_payload_size"}

    broker: Brokers = (BrokerURL("mqtt", "127.0.0.1", 1883),)
    """Where the broker is: ``mqtt://``, ``mqtts://``, ``ws://`` or ``wss://``, then
    ``host:port``. A list is the nodes of a cluster: when one is lost, the next is tried."""
    username: str | None = None
    """Who the bridge is to the broker."""
    password: oscbridge.Secret | None = None
    """The password: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    client_id: Annotated[str | None, AfterValidator(_client_id)] = None
    """The name of the session at the broker; ``oscbridge-`` with the name of this machine and
    of the endpoint unless given."""
    version: Literal["5", "3.1.1"] = "5"
    """The version of MQTT."""
    session_expiry: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0
    """Seconds that the broker keeps the session, and what it could not deliver, while the
    bridge is away; 0 is a clean session."""
    keepalive: Annotated[int, Field(ge=5, le=65_535)] = 30
    """Seconds of silence after which the broker is asked whether it is there."""
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """What stands before topics that are made of addresses, and is left out of addresses that
    are made of topics."""
    status: Topic | None = None
    """The retained topic that says ``online`` or ``offline``; ``<prefix>/status`` unless given,
    without a prefix ``<client_id>/status``."""
    subscribe: Annotated[
        tuple[Annotated[Subscription, BeforeValidator(_subscription)], ...],
        Field(max_length=MAX_SUBSCRIPTIONS),
    ] = ()
    """Topics to take messages from, each a text or a table."""
    qos: QoS = 0
    """The QoS of what is published, unless the route says otherwise."""
    retain: bool = False
    """Whether what is published is retained, unless the route says otherwise."""
    payload: Payload = "json"
    """How payloads are written and read: ``json``, ``text``, ``typed``, ``osc``; written also
    by a template."""
    max_inflight: Annotated[int, Field(ge=1, le=30_000)] = 1_000
    """Messages with QoS 1 and 2 on their way at once; the broker may allow fewer."""
    max_payload_size: Annotated[int, Field(ge=1, le=1 << 28)] = 65_535
    """Bytes of a payload that is taken; a larger one is refused and counted."""
    ca: oscbridge.File | None = None
    """The authority that signed the broker's certificate, if the system does not know it."""
    certificate: oscbridge.File | None = None
    """The certificate that the bridge shows to the broker."""
    key: oscbridge.File | None = None
    """The key of that certificate."""
    discovery: Annotated[str, AfterValidator(_prefix), Field(min_length=1)] = "homeassistant"
    """The prefix under which Home Assistant looks for entities."""

    @model_validator(mode="after")
    def _check(self) -> MQTTOptions:
        if not self.broker[0].is_tls and (self.ca or self.certificate or self.key):
            raise ValueError(
                f"ca, certificate and key need TLS: mqtts:// or wss://, not {self.broker[0].scheme}://"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key stand together")
        if self.password is not None and self.username is None and self.version != "5":
            raise ValueError("MQTT 3.1.1 takes a password only with a username")
        topics = [subscription.topic for subscription in self.subscribe]
        twice = next((topic for topic in topics if topics.count(topic) > 1), None)
        if twice is not None:
            raise ValueError(f"subscribe: {twice!r} stands twice")
        return self
