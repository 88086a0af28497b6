"""The options of an endpoint with ``type = "mqtt"``, and of its routes."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

import oscbridge
from oscbridge_mqtt.broker import Brokers, BrokerURL
from oscbridge_mqtt.entity_options import Entity
from oscbridge_mqtt.overlaps import explanations, is_shared
from oscbridge_mqtt.subscription import Filter, QoS, Subscription
from oscbridge_mqtt.topic import SHOWN, check_topic, text_template

__all__ = ["FORMATS", "MQTTOptions", "MQTTRoute"]

FORMATS: Final = ("auto", "json", "text", "number", "raw", "typed", "osc")
"""The payload formats; a payload may be a template instead."""

MAX_SUBSCRIPTIONS: Final = 1_000
"""Most subscriptions of one endpoint."""

_CLIENT_ID: Final = re.compile(r"[^\s\x00-\x1f\x7f/+#]{1,128}")


def _prefix(value: str) -> str:
    if not value:
        return value
    if value.startswith("/") or value.endswith("/"):
        raise ValueError("must not start or end with '/'")
    return check_topic(value)


def _client_id(value: str | None) -> str | None:
    if value is not None and not _CLIENT_ID.fullmatch(value):
        raise ValueError("must have 1 to 128 characters, without spaces, slashes, + and #")
    return value


def _payload(value: str, info: ValidationInfo) -> str:
    template = text_template(value, expressions=True)
    if value not in FORMATS and not template.placeholders:
        raise ValueError(
            f"expected {', '.join(FORMATS)}, or a template with a placeholder, e.g. {{0}}; "
            f'for a text without placeholders set constant = "{value[:40]}" in a route'
        )
    oscbridge.check_template(template, info)
    return value


def _topic_template(value: str, info: ValidationInfo) -> str:
    # The values of the placeholders are checked for each message.
    template = text_template(value, expressions=True)
    check_topic(template.fill(lambda _placeholder: "x"))
    oscbridge.check_template(template, info)
    return value


def _on_arguments(text: str | None) -> bool:
    return text_template(text or "", expressions=True).depends_on_arguments


def _subscription(value: object) -> object:
    return {"topic": value} if isinstance(value, str) else value


Topic: TypeAlias = Annotated[str, AfterValidator(check_topic)]
Payload: TypeAlias = Annotated[str, AfterValidator(_payload)]
TopicTemplate: TypeAlias = Annotated[str, AfterValidator(_topic_template)]


class MQTTRoute(oscbridge.Options):
    """``mqtt = {...}`` in a ``[[route]]``."""

    topic: TopicTemplate | None = None
    """The topic, e.g. ``studio/mixer/{ch}``; by default the prefix and the address."""
    qos: QoS | None = None
    """0 at most once, 1 at least once, 2 exactly once; by default the endpoint's ``qos``."""
    retain: bool | None = None
    """Whether the broker retains the last message for new subscribers."""
    payload: Payload | None = None
    """``auto``, ``json``, ``text``, ``number``, ``raw``, ``typed``, ``osc``, or a template, e.g.
    ``"{0} dB"``. A template that is JSON gives valid JSON for every message."""
    constant: str | None = None
    """The payload of all messages, e.g. ``TOGGLE``."""
    homeassistant: Entity | None = None
    """Announces the messages of the route as Home Assistant entities."""

    @model_validator(mode="after")
    def _check(self) -> MQTTRoute:
        if self.homeassistant is not None and _on_arguments(self.topic):
            raise ValueError(
                "with homeassistant the topic identifies the entity; remove arguments from it"
            )
        if self.homeassistant is not None and self.payload is not None:
            raise ValueError(
                "with homeassistant the component determines the payload; remove payload"
            )
        if self.constant is not None and (self.homeassistant or self.payload) is not None:
            raise ValueError("constant is the payload; remove payload or homeassistant")
        return self


class MQTTOptions(oscbridge.Options):
    """The options of an endpoint with ``type = "mqtt"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {"max_payload": "max_payload_size"}

    broker: Brokers = (BrokerURL("mqtt", "127.0.0.1", 1883),)
    """The URL of the broker: ``mqtt://``, ``mqtts://``, ``ws://`` or ``wss://``, then
    ``host:port``. A list has the nodes of a cluster: when one is lost, the next is tried."""
    username: str | None = None
    """The name of the user."""
    password: oscbridge.Secret | None = None
    """The password: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    client_id: Annotated[str | None, AfterValidator(_client_id)] = None
    """The identifier of the session; by default ``oscbridge-`` with the names of this machine
    and of the endpoint, and a hash of the path of the configuration file."""
    version: Literal["5", "3.1.1"] = "5"
    """The version of MQTT."""
    session_expiry: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0
    """Seconds for which the broker keeps the session and its undelivered messages while the
    bridge is disconnected; 0 is a clean session."""
    keepalive: Annotated[int, Field(ge=5, le=65_535)] = 30
    """Seconds without traffic after which the connection is checked."""
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """Prepended to topics that are made from addresses, and removed from addresses that are
    made from topics."""
    status: Topic | None = None
    """The retained topic with ``online`` or ``offline``; by default ``<prefix>/status``, without
    a prefix ``<client_id>/status``."""
    subscribe: Annotated[
        tuple[
            Annotated[
                Subscription,
                BeforeValidator(_subscription, json_schema_input_type=Filter | Subscription),
            ],
            ...,
        ],
        Field(max_length=MAX_SUBSCRIPTIONS),
    ] = ()
    """Topics to subscribe to, each a text or a table."""
    default_routes: bool | None = None
    """Whether it publishes all messages of bridges and other endpoints while no route leads to
    it; by default it does unless a route reads from it. Never those of an endpoint of the same
    broker."""
    qos: QoS = 0
    """The QoS of published messages, unless the route has its own."""
    retain: bool = False
    """Whether published messages are retained, unless the route has its own value."""
    payload: Payload = "auto"
    """The format of payloads: ``auto``, ``json``, ``text``, ``number``, ``raw``, ``typed``,
    ``osc``; for published messages also a template. ``auto`` reads JSON, else text, else a blob,
    and writes JSON."""
    max_inflight: Annotated[int, Field(ge=1, le=30_000)] = 1_000
    """Most messages with QoS 1 and 2 in flight; the broker may accept fewer."""
    max_payload_size: Annotated[int, Field(ge=1, le=1 << 28)] = 65_535
    """Most bytes of a received payload; larger ones are rejected and counted."""
    max_topic_levels: Annotated[int, Field(ge=1, le=65_535)] = 200
    """Most levels of a topic, the parts between slashes. Messages with more are rejected and
    counted: Mosquitto ends the connection at more than 200."""
    ca: oscbridge.File | None = None
    """The certificate of the authority that signed the broker's, if the system does not trust
    it."""
    certificate: oscbridge.File | None = None
    """The client certificate for the broker."""
    key: oscbridge.File | None = None
    """The key of that certificate."""
    discovery: Annotated[str, AfterValidator(_prefix), Field(min_length=1)] = "homeassistant"
    """The discovery prefix of Home Assistant."""

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    def tls_context(self) -> ssl.SSLContext:
        """The context of a TLS connection. Raises :class:`oscbridge.ConfigurationError`."""
        return oscbridge.client_tls_context(self.ca, self.certificate, self.key)

    def file_contents(self) -> Sequence[bytes]:
        """The current contents of the files that the options name."""
        files = (self.ca, self.certificate, self.key)
        return [b"" if file is None else file.read_bytes() for file in files]

    @model_validator(mode="after")
    def _check(self) -> MQTTOptions:
        if not self.broker[0].is_tls and (self.ca or self.certificate or self.key):
            raise ValueError(
                f"ca, certificate and key require mqtts:// or wss://, not {self.broker[0].scheme}://"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key must be set together")
        if self.password is not None and self.username is None and self.version != "5":
            raise ValueError("MQTT 3.1.1 requires a username with the password")
        topics = [subscription.topic for subscription in self.subscribe]
        duplicate = next((topic for topic in topics if topics.count(topic) > 1), None)
        deep = next((t for t in topics if t.count("/") >= self.max_topic_levels), None)
        if deep is not None:
            raise ValueError(
                f"subscribe: {deep[:100]!r} has more than "
                f"max_topic_levels = {self.max_topic_levels} levels"
            )
        if duplicate is not None:
            raise ValueError(f"subscribe: duplicate topic {duplicate!r}")
        return self

    _configuration: str = PrivateAttr("")

    @model_validator(mode="after")
    def _remember_configuration(self, info: ValidationInfo) -> MQTTOptions:
        self._configuration = str((info.context or {}).get("configuration") or "")
        return self

    @property
    def configuration(self) -> str:
        """The path of the configuration file; empty if there is none."""
        return self._configuration

    def config_warnings(self) -> Sequence[str]:
        found = [*explanations(self.subscribe, is_5=self.version == "5")]
        shared = next((one.topic for one in self.subscribe if is_shared(one.topic)), None)
        if shared is not None and self.version != "5":
            found.append(
                f"subscribe: {shared[:SHOWN]!r}: with MQTT 3.1.1 a broker may grant a shared "
                "subscription and never deliver, as NATS does; subscribe without $share, or use a "
                'broker with version = "5"'
            )
        return found
