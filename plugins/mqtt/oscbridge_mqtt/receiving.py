"""Converts messages from a broker to OSC messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.options import FORMATS, MQTTOptions, Subscription
from oscbridge_mqtt.payload import decode, packet
from oscbridge_mqtt.topic import address_of, text_template, wildcard_parts, without_share

__all__ = ["BrokerPeer", "Receiver", "RouteInput"]

MAX_TOPICS: Final = 4_096
"""Most topics for which subscription and address are cached; then the cache starts empty."""

MAX_CACHED_TOPIC: Final = 1_024
"""Most characters of a cached topic, so that the cache takes 10 MB at most."""

MAX_ADDRESS: Final = oscbridge.Limits().max_address_length
"""Most characters of an address that is made from a topic."""


class BrokerPeer(NamedTuple):
    """The ``peer`` of a message's origin: the broker, and how it delivered the message."""

    host: str
    port: int
    qos: int
    retained: bool
    """Whether the broker had retained the message, and sent it because of the subscription."""


class RouteInput(Protocol):
    """Puts messages into the routes; an endpoint does."""

    def receive(self, message: oscbridge.Message, peer: BrokerPeer) -> None:
        """Put a message into the routes."""

    def receive_packet(self, data: bytes, peer: BrokerPeer) -> None:
        """Put an encoded packet into the routes."""


class TopicDecoder(NamedTuple):
    """How the messages of one topic are decoded."""

    subscription: Subscription
    form: str
    address: str
    template: oscbridge.Template | None
    captures: Sequence[str]


class Receiver:
    """Puts the broker's messages into the routes of one endpoint."""

    def __init__(self, routes: RouteInput, options: MQTTOptions) -> None:
        self._routes = routes
        self._options = options
        self._commands: dict[str, homeassistant.Command] = {}
        self._decoders: dict[str, TopicDecoder] = {}
        self._filters = [(without_share(one.topic), one) for one in options.subscribe]

    def add_command(self, command: homeassistant.Command) -> Subscription:
        """Accept the commands of a Home Assistant entity from now on."""
        self._commands[command.topic] = command
        return _command_subscription(command.topic)

    def remove_command(self, command: homeassistant.Command) -> bool:
        """Ignore the commands of an entity from now on. Whether its topic is now unused."""
        topic = command.topic
        if self._commands.get(topic) is command:
            del self._commands[topic]
        return topic not in self._commands and all(
            topic != one.topic for one in self._options.subscribe
        )

    def command_subscriptions(self) -> Sequence[Subscription]:
        """The subscriptions for the commands of all entities."""
        return [_command_subscription(topic) for topic in self._commands]

    def receive(self, topic: str, payload: bytes, peer: BrokerPeer) -> None:
        """Decode a message and put it into the routes.

        Raises :class:`oscbridge.DecodeError`.
        """
        largest = self._options.max_payload_size
        if len(payload) > largest:
            text = f"{topic[:100]}: payload larger than max_payload_size = {largest} bytes"
            raise oscbridge.LimitError("max_payload_size", text)
        try:
            self._receive(topic, payload, peer)
        except oscbridge.DecodeError as error:
            raise type(error)(error.reason, f"{topic[:100]}: {error}") from None

    def _receive(self, topic: str, payload: bytes, peer: BrokerPeer) -> None:
        command = self._commands.get(topic)
        if command is not None:
            if not peer.retained:  # a retained command is out of date
                self._routes.receive(homeassistant.read_command(command, payload), peer)
            return
        decoder = self._decoders.get(topic) or self._cache(topic)
        if peer.retained and decoder.subscription.retained == "ignore":
            return
        if decoder.form in ("typed", "osc"):
            if payload:  # an empty one reports that a retained message was deleted
                self._routes.receive_packet(packet(payload, decoder.form), peer)
            return
        address = decoder.address
        if decoder.template is not None:
            address = address_of(_fill(decoder, topic, peer))
        for below, types, args in list(decode(payload, decoder.form, decoder.subscription.types)):
            full = address_of(address + below) if below else address
            message = oscbridge.Message(full, types, args)
            try:
                oscbridge.encode_message(message)  # otherwise it would fail later, in some sink
            except oscbridge.EncodeError as error:
                raise oscbridge.DecodeError("value", str(error)) from None
            self._routes.receive(message, peer)

    def _cache(self, topic: str) -> TopicDecoder:
        decoder = self._find(topic)
        if len(topic) <= MAX_CACHED_TOPIC:
            if len(self._decoders) >= MAX_TOPICS:
                self._decoders.clear()
            self._decoders[topic] = decoder
        return decoder

    def _find(self, topic: str) -> TopicDecoder:
        matches = ((wildcard_parts(text, topic), one) for text, one in self._filters)
        captures, subscription = next(
            ((found, one) for found, one in matches if found is not None), ((), _ANY)
        )
        if subscription is _ANY and self._options.session_expiry:
            raise oscbridge.DecodeError(
                "subscription",
                "not in subscribe: the broker's session has a subscription of an earlier "
                "configuration; connect once with session_expiry = 0 to discard the session",
            )
        default = self._options.payload if self._options.payload in FORMATS else "json"
        address = address_of(topic, self._options.prefix)
        if address == "/" or len(address) > MAX_ADDRESS:
            raise oscbridge.DecodeError(
                "address", "the topic cannot be converted to an OSC address"
            )
        template = None if subscription.address is None else text_template(subscription.address)
        form = subscription.payload or default
        return TopicDecoder(subscription, form, address, template, captures)


_ANY: Final = Subscription(topic="#")
"""For brokers that deliver under another topic than the subscribed one."""


def _fill(decoder: TopicDecoder, topic: str, peer: BrokerPeer) -> str:
    known = {
        "topic": topic,
        "qos": str(peer.qos),
        "retained": "retained" if peer.retained else "live",
    }

    def look_up(placeholder: oscbridge.Placeholder) -> str:
        name = placeholder.name
        text = known[name] if name in known else decoder.captures[int(name) - 1]
        return str(placeholder.convert(text))

    assert decoder.template is not None
    return decoder.template.fill(look_up)


def _command_subscription(topic: str) -> Subscription:
    return Subscription(topic=topic, qos=1, retained="ignore")
