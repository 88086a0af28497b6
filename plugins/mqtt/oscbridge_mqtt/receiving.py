"""From what a broker delivers to OSC messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import oscbridge
from oscbridge_mqtt import homeassistant
from oscbridge_mqtt.options import FORMATS, MQTTOptions, Subscription
from oscbridge_mqtt.payload import decode, packet
from oscbridge_mqtt.topic import Template, address_of, wildcard_parts, without_share

if TYPE_CHECKING:
    from oscbridge_mqtt.endpoint import MQTTEndpoint, Peer

__all__ = ["Receiver"]

MAX_TOPICS: Final = 4_096
"""Topics for which the subscription and the address are remembered; then it begins anew."""


class Reading(NamedTuple):
    """How the messages of one topic are read."""

    subscription: Subscription
    form: str
    address: str
    template: Template | None
    captures: Sequence[str]


class Receiver:
    """Puts messages into the routes of one endpoint."""

    def __init__(self, endpoint: MQTTEndpoint) -> None:
        self._endpoint = endpoint
        self._options: MQTTOptions = endpoint.options
        self._commands: dict[str, homeassistant.Command] = {}
        self._readings: dict[str, Reading] = {}
        self._filters = [(without_share(one.topic), one) for one in self._options.subscribe]

    def add_command(self, command: homeassistant.Command) -> Subscription:
        """Take the commands of an entity of Home Assistant from now on."""
        self._commands[command.topic] = command
        return _command_subscription(command.topic)

    def remove_command(self, command: homeassistant.Command) -> bool:
        """Take no commands of an entity any more. Whether nobody else wants its topic."""
        topic = command.topic
        if self._commands.get(topic) is command:
            del self._commands[topic]
        return topic not in self._commands and all(
            topic != one.topic for one in self._options.subscribe
        )

    def command_subscriptions(self) -> Sequence[Subscription]:
        """What to subscribe to for all entities."""
        return [_command_subscription(topic) for topic in self._commands]

    def receive(self, topic: str, payload: bytes, peer: Peer) -> None:
        """Read a message and put it into the routes. Raises :class:`oscbridge.DecodeError`."""
        if len(payload) > self._options.max_payload_size:
            text = f"more than max_payload_size = {self._options.max_payload_size} bytes"
            raise oscbridge.LimitError("max_payload_size", f"{topic[:100]}: {text}")
        try:
            self._receive(topic, payload, peer)
        except oscbridge.DecodeError as error:
            raise type(error)(error.reason, f"{topic[:100]}: {error}") from None

    def _receive(self, topic: str, payload: bytes, peer: Peer) -> None:
        command = self._commands.get(topic)
        if command is not None:
            if not peer.retained:  # an order of yesterday is not carried out today
                self._endpoint.receive(homeassistant.read_command(command, payload), peer)
            return
        reading = self._readings.get(topic) or self._remember(topic)
        if peer.retained and reading.subscription.retained == "ignore":
            return
        if reading.form in ("typed", "osc"):
            if payload:  # or it is a retained message that was deleted
                self._endpoint.receive_packet(packet(payload, reading.form), peer)
            return
        address = reading.address
        if reading.template is not None:
            address = address_of(_fill(reading, topic, peer))
        for below, types, args in list(decode(payload, reading.form, reading.subscription.types)):
            where = address_of(address + below) if below else address
            message = oscbridge.Message(where, types, args)
            try:
                oscbridge.encode_message(message)  # or it would fail later, in some sink
            except oscbridge.EncodeError as error:
                raise oscbridge.DecodeError("value", str(error)) from None
            self._endpoint.receive(message, peer)

    def _remember(self, topic: str) -> Reading:
        if len(self._readings) >= MAX_TOPICS:
            self._readings.clear()
        reading = self._readings[topic] = self._find(topic)
        return reading

    def _find(self, topic: str) -> Reading:
        matches = ((wildcard_parts(text, topic), one) for text, one in self._filters)
        captures, subscription = next(
            ((found, one) for found, one in matches if found is not None), ((), _ANY)
        )
        if subscription is _ANY and self._options.session_expiry:
            raise oscbridge.DecodeError(
                "subscription",
                "it is not subscribed to: the broker's session is of another configuration; "
                "with session_expiry = 0, once, the broker forgets it",
            )
        default = self._options.payload if self._options.payload in FORMATS else "json"
        address = address_of(topic, self._options.prefix)
        if address == "/" or len(address) > MAX_ADDRESS:
            raise oscbridge.DecodeError("address", "no OSC address can be made of this topic")
        template = None if subscription.address is None else Template(subscription.address)
        return Reading(subscription, subscription.payload or default, address, template, captures)


MAX_ADDRESS: Final = oscbridge.Limits().max_address_length
"""Characters of an address that is made of a topic."""


_ANY: Final = Subscription(topic="#")
"""For what brokers deliver under another topic than the one that was subscribed to."""


def _fill(reading: Reading, topic: str, peer: Peer) -> str:
    known = {
        "topic": topic,
        "qos": str(peer.qos),
        "retained": "retained" if peer.retained else "live",
    }
    assert reading.template is not None
    return reading.template.fill(
        lambda name: known[name] if name in known else reading.captures[int(name) - 1]
    )


def _command_subscription(topic: str) -> Subscription:
    return Subscription(topic=topic, qos=1, retained="ignore")
