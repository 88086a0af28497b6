"""Converts messages from a broker to OSC messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

import oscbridge
from oscbridge_mqtt.entity_states import Command, read_command
from oscbridge_mqtt.options import FORMATS, MQTTOptions
from oscbridge_mqtt.overlaps import SubscriptionPlan, is_shared
from oscbridge_mqtt.payload import decode, packet
from oscbridge_mqtt.peers import BrokerPeer
from oscbridge_mqtt.shared_copies import SharedCopies
from oscbridge_mqtt.subscription import Subscription
from oscbridge_mqtt.topic import address_of, text_template

__all__ = ["Receiver", "RouteInput"]

MAX_TOPICS: Final = 4_096
"""Most topics for which subscription and address are cached; then the cache starts empty."""

MAX_CACHED_TOPIC: Final = 1_024
"""Most characters of a cached topic, so that the cache takes 10 MB at most."""

MAX_REPLAYED: Final = 10_000
"""Most retained messages of overlapping subscriptions that are remembered per connection."""

OWN_ADDRESS: Final = ("typed", "osc")
"""The formats whose payloads contain addresses."""

MAX_ADDRESS: Final = oscbridge.Limits().max_address_length
"""Most characters of an address that is made from a topic."""


class RouteInput(Protocol):
    """Puts messages into the routes; an endpoint does."""

    def receive(self, message: oscbridge.Message, peer: BrokerPeer) -> None:
        """Put a message into the routes."""

    def receive_packet(self, data: bytes, peer: BrokerPeer) -> None:
        """Put an encoded packet into the routes."""

    def bad_input(self, error: oscbridge.DecodeError, peer: BrokerPeer) -> None:
        """Count and log input that is left out."""

    def on_command(self, command: Command, message: oscbridge.Message) -> None:
        """A command has been converted to a message."""


class TopicDecoder(NamedTuple):
    """How the messages of one topic are decoded for one of its subscriptions."""

    subscription: Subscription
    form: str
    address: str
    template: oscbridge.Template | None
    captures: Sequence[str]

    @property
    def topic(self) -> str:
        """The topic filter."""
        return self.subscription.topic

    def common_address(self, topic: str) -> str:
        """The address, with placeholders for what differs from message to message."""
        if self.template is None:
            return self.address
        return address_of(_fill(self, topic, None))


class Receiver:
    """Puts the broker's messages into the routes of one endpoint."""

    def __init__(self, routes: RouteInput, options: MQTTOptions, plan: SubscriptionPlan) -> None:
        self._routes = routes
        self._options = options
        self._commands: dict[str, Command] = {}
        self._decoders: dict[str, Sequence[TopicDecoder]] = {}
        self._plan = plan
        self._copies = SharedCopies()
        self._replayed: set[int] = set()
        """Retained messages that may be delivered again for another subscription."""

    def begin(self) -> None:
        """A connection is open: the broker replays its retained messages."""
        self._replayed.clear()
        self._decoders.clear()

    def subscriptions_changed(self) -> None:
        """The broker has rejected a subscription, or granted a rejected one."""
        self._decoders.clear()

    def add_command(self, command: Command) -> None:
        """Accept the commands of a Home Assistant entity from now on."""
        self._commands[command.topic] = command

    def remove_command(self, command: Command) -> bool:
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

    def receive(
        self, topic: str, payload: bytes, peer: BrokerPeer, identifiers: Collection[int] = ()
    ) -> None:
        """Decode a message and put it into the routes.

        ``identifiers`` are those of the subscriptions that this copy is delivered for, if known.
        Raises :class:`oscbridge.DecodeError`.
        """
        largest = self._options.max_payload_size
        if len(payload) > largest:
            text = f"{topic[:100]}: payload larger than max_payload_size = {largest} bytes"
            raise oscbridge.LimitError("max_payload_size", text)
        try:
            self._receive(topic, payload, peer, identifiers)
        except oscbridge.DecodeError as error:
            raise _with_topic(error, topic) from None

    def _receive(
        self, topic: str, payload: bytes, peer: BrokerPeer, identifiers: Collection[int]
    ) -> None:
        command = self._commands.get(topic)
        if command is not None:
            # A retained command is out of date.
            if not peer.retained and self._plan.is_for(topic, identifiers):
                message = read_command(command, payload)
                self._routes.receive(message, peer)
                self._routes.on_command(command, message)
            return
        decoders = self._decoders.get(topic) or self._cache(topic)
        if len(decoders) == 1 and not identifiers and not peer.retained:
            self._decode(decoders[0], topic, payload, peer)
            return
        if identifiers and not self._plan.is_known(identifiers):
            identifiers = ()
            decoders = [each for each in decoders if not self._plan.identifier(each.topic)]
            if not decoders:
                raise _UNKNOWN
        if not identifiers and peer.retained and self._is_replay(topic, payload):
            return
        addresses: set[str] = set()
        for decoder in decoders:
            address = decoder.common_address(topic)
            if address not in addresses and self._plan.is_for(decoder.topic, identifiers):
                addresses.add(address)
                may_be_copy = identifiers and is_shared(decoder.topic) and len(decoders) > 1
                if may_be_copy and not self._copies.is_new(topic, payload, decoder.topic):
                    continue
                try:
                    self._decode(decoder, topic, payload, peer)
                except oscbridge.DecodeError as error:  # costs this address only
                    self._report(error, topic, peer)

    def _is_replay(self, topic: str, payload: bytes) -> bool:
        """Whether the broker has sent this retained message for another subscription."""
        if not self._plan.has_overlaps:
            return False
        key = hash((topic, payload))
        if key in self._replayed:
            return True
        if len(self._replayed) < MAX_REPLAYED:
            self._replayed.add(key)
        return False

    def _decode(self, decoder: TopicDecoder, topic: str, payload: bytes, peer: BrokerPeer) -> None:
        if peer.retained and decoder.subscription.retained == "ignore":
            return
        if decoder.form in OWN_ADDRESS:
            if payload:  # an empty one reports that a retained message was deleted
                self._routes.receive_packet(packet(payload, decoder.form), peer)
            return
        address = decoder.address
        if decoder.template is not None:
            address = address_of(_fill(decoder, topic, peer))
        for found in decode(payload, decoder.form, decoder.subscription.types):
            if isinstance(found, oscbridge.DecodeError):
                self._report(found, topic, peer)
                continue
            below, types, args = found
            full = address_of(address + below) if below else address
            message = oscbridge.Message(full, types, args)
            try:
                oscbridge.encode_message(message)  # otherwise it would fail later, in some sink
            except oscbridge.EncodeError as encode_error:
                error = oscbridge.DecodeError("value", f"{full[:100]}: {encode_error}")
                if not below:
                    raise error from None
                self._report(error, topic, peer)
                continue
            self._routes.receive(message, peer)

    def _report(self, error: oscbridge.DecodeError, topic: str, peer: BrokerPeer) -> None:
        """Count and log a member of a payload that is left out."""
        self._routes.bad_input(_with_topic(error, topic), peer)

    def _cache(self, topic: str) -> Sequence[TopicDecoder]:
        decoders = self._find(topic)
        if len(topic) <= MAX_CACHED_TOPIC:
            if len(self._decoders) >= MAX_TOPICS:
                self._decoders.clear()
            self._decoders[topic] = decoders
        return decoders

    def _find(self, topic: str) -> Sequence[TopicDecoder]:
        """A decoder for each address that the subscriptions of a topic give."""
        matching = self._plan.matching(topic) or [(_ANY, ())]
        if matching[0][0] is _ANY and self._options.session_expiry:
            raise _UNKNOWN
        address = address_of(topic, self._options.prefix)
        if address == "/" or len(address) > MAX_ADDRESS:
            raise oscbridge.DecodeError(
                "address", "the topic cannot be converted to an OSC address"
            )
        found: dict[str, list[TopicDecoder]] = {}
        for subscription, captures in matching:
            decoder = self._decoder(subscription, captures, address)
            same = found.setdefault(decoder.common_address(topic), [])
            # Each shared subscription receives its own share.
            if not same or (is_shared(decoder.topic) and is_shared(same[0].topic)):
                same.append(decoder)
        return [decoder for same in found.values() for decoder in same]

    def _decoder(
        self, subscription: Subscription, captures: Sequence[str], address: str
    ) -> TopicDecoder:
        default = self._options.payload if self._options.payload in FORMATS else "auto"
        template = None if subscription.address is None else text_template(subscription.address)
        form = subscription.payload or default
        return TopicDecoder(subscription, form, address, template, captures)


def _with_topic(error: oscbridge.DecodeError, topic: str) -> oscbridge.DecodeError:
    return type(error)(error.reason, f"{topic[:100]}: {error}")


_UNKNOWN: Final = oscbridge.DecodeError(
    "subscription",
    "not in subscribe: the broker's session has a subscription of an earlier "
    "configuration; connect once with session_expiry = 0 to discard the session",
)

_ANY: Final = Subscription(topic="#")
"""For brokers that deliver under another topic than the subscribed one."""


def _fill(decoder: TopicDecoder, topic: str, peer: BrokerPeer | None) -> str:
    """The address of a message; without ``peer``, {qos} and {retained} stay placeholders."""
    known = {"topic": topic}
    if peer is not None:
        known |= {"qos": str(peer.qos), "retained": "retained" if peer.retained else "live"}

    def look_up(placeholder: oscbridge.Placeholder) -> str:
        name = placeholder.name
        if peer is None and name in ("qos", "retained"):
            return f"\0{name}"
        text = known[name] if name in known else decoder.captures[int(name) - 1]
        return str(placeholder.convert(text))

    assert decoder.template is not None
    return decoder.template.fill(look_up)


def _command_subscription(topic: str) -> Subscription:
    return Subscription(topic=topic, qos=1, retained="ignore")
