"""Bounds what a broker makes paho hold.

paho has no public view of it: the attributes read here are those of 2.2.
"""

from __future__ import annotations

from typing import Final

from paho.mqtt.client import Client

from oscbridge_mqtt.options import MQTTOptions

__all__ = ["MAX_INCOMING_PACKET", "excess", "receive_maximum"]

MAX_INCOMING_PACKET: Final = 16 * 1024 * 1024
"""Most bytes of a packet from the broker, as announced with MQTT 5."""

MAX_UNRELEASED_BYTES: Final = 32 * 1024 * 1024
"""Most bytes of payloads that wait for a PUBREL packet."""

FEWEST: Final = 20
MOST: Final = 256
"""Bounds of the Receive Maximum. Mosquitto uses 20 unless a client accepts fewer."""


def receive_maximum(options: MQTTOptions) -> int:
    """Most messages with QoS 1 and 2 that the broker may have in flight to this client.

    MQTT 5 announces it (section 3.1.2.11.3); with 3.1.1 it is the bound at which the connection
    is closed.
    """
    return min(MOST, max(FEWEST, MAX_UNRELEASED_BYTES // options.max_payload_size))


def excess(client: Client, largest_payload: int, maximum: int) -> str:
    """Why the connection has to be closed; empty unless the broker exceeds a limit.

    Payloads over ``largest_payload`` bytes that wait for PUBREL are truncated to one byte more:
    enough to be recognised as oversized.
    """
    unreleased = client._in_messages
    if len(unreleased) > maximum:
        return (
            f"the broker sent {len(unreleased)} messages with QoS 2 that it has not released; "
            f"at most {maximum} are accepted"
        )
    for message in unreleased.values():
        if len(message.payload) > largest_payload + 1:
            message.payload = message.payload[: largest_payload + 1]
    size = client._in_packet["remaining_length"]
    if size > MAX_INCOMING_PACKET:
        return (
            f"the broker sent a packet of {size} bytes; at most {MAX_INCOMING_PACKET} are accepted"
        )
    return ""
