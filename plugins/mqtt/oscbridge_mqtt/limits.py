"""The limits that a broker announces when it accepts a session."""

from __future__ import annotations

from typing import Final, NamedTuple

from paho.mqtt.properties import Properties

from oscbridge_mqtt.subscription import QoS

__all__ = ["LATEST", "BrokerLimits", "limits_of"]

LATEST: Final = 1.0
"""Seconds after a message within which the end of a connection may be because of it."""

LARGEST_PACKET: Final = 268_435_455
"""Most bytes after a packet's fixed header (MQTT 5.0, section 2.1.4)."""

LARGEST_RECEIVE_MAXIMUM: Final = 65_535
"""The value when the broker announces none (section 3.2.2.3.3)."""


class BrokerLimits(NamedTuple):
    """What a broker accepts."""

    qos: QoS = 2
    """The highest QoS."""
    retain: bool = True
    """Whether it retains messages."""
    packet_size: int = LARGEST_PACKET
    """Most bytes of a packet."""
    in_flight: int = LARGEST_RECEIVE_MAXIMUM
    """Most unacknowledged messages with QoS 1 and 2 at once."""
    identifiers: bool = True
    """Whether it supports subscription identifiers, if the session is MQTT 5."""


def limits_of(properties: Properties | None) -> BrokerLimits:
    """The limits in the properties of a CONNACK packet (MQTT 5.0, section 3.2.2.3).

    MQTT 3.1.1 has none: there the defaults apply.
    """

    def announced(name: str, default: int) -> int:
        return int(getattr(properties, name, default))

    highest = announced("MaximumQoS", 2)
    return BrokerLimits(
        2 if highest > 1 else 1 if highest else 0,
        bool(announced("RetainAvailable", 1)),
        announced("MaximumPacketSize", LARGEST_PACKET),
        announced("ReceiveMaximum", LARGEST_RECEIVE_MAXIMUM),
        bool(announced("SubscriptionIdentifierAvailable", 1)),
    )
