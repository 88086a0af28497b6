"""Error messages about a broker, with a hint how to fix the cause."""

from __future__ import annotations

import ssl
from typing import Final, NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.broker import BrokerURL
from oscbridge_mqtt.options import MQTTOptions

__all__ = [
    "BrokerRejection",
    "ConnectionEnd",
    "connect_failure",
    "disconnect_text",
    "reason_name",
    "rejection",
]

MAX_TEXT: Final = 200
"""Most characters that are shown of a text from the broker."""

UNRELATED: Final = frozenset({0x89, 0x8B, 0x8D, 0x8E, 0x96, 0x97, 0x98, 0x9C, 0x9D, 0x9F, 0xA0})
"""Reason codes of a DISCONNECT packet that no single message causes: the broker is busy or shuts
down, another client took over, a rate, a quota, an administrator or another server."""

TAKEN_OVER: Final = 0x8E
"""Reason code: another client has connected with the same client identifier."""

_HINTS: Final = {
    "Bad user name or password": "check username and password",
    "Not authorized": "check username and password, and the user's rights at the broker",
    "Client identifier not valid": "choose another client_id",
    "Unsupported protocol version": 'set version = "3.1.1"',
    "Banned": "the broker has banned this client",
    "Server busy": "the broker is overloaded",
    "Retain not supported": "from now on the status is not retained",
    "QoS not supported": "from now on the status is published with QoS 0",
}


class BrokerRejection(oscbridge.EndpointError):
    """The broker answered, and does not accept the session."""


class ConnectionEnd(NamedTuple):
    """How a connection ended."""

    packet_from_broker: bool
    """Whether the broker sent a DISCONNECT packet."""
    closed_by_broker: bool
    """Whether the broker closed the socket, or the network did."""
    tls_error: str
    before_connack: bool
    """Whether the broker had not answered the connect."""
    is_recent: bool
    """Whether the session was open for a short time only."""
    in_flight: str
    """The messages that were in flight, e.g. ``after the message to 'a/b'``; empty if none."""
    latest: str = ""
    """The topic of a message that was sent just before; empty if there was none."""

    def is_suspicious(self, reason: ReasonCode) -> bool:
        """Whether a message may be why the broker ended it."""
        return reason.value not in UNRELATED if self.packet_from_broker else self.closed_by_broker


def reason_name(reason: ReasonCode | int) -> str:
    """The name of a reason code (MQTT 5.0, section 2.4).

    Some brokers send codes that are not defined for the packet.
    """
    number = reason if isinstance(reason, int) else reason.value
    for packet in (PacketTypes.PUBACK, PacketTypes.DISCONNECT, PacketTypes.CONNACK):
        try:
            return str(ReasonCode(packet, identifier=number))
        except (KeyError, ValueError):
            continue
    return f"reason code {number}"


def _broker_text(properties: Properties | None) -> str:
    """The broker's own explanation, and the other server that it recommends."""
    found = [getattr(properties, name, None) for name in ("ReasonString", "ServerReference")]
    text, server = ["".join(c if c.isprintable() else "?" for c in each or "") for each in found]
    out = f" ({text[:MAX_TEXT]})" if text else ""
    return out + (
        f"; set broker to the server it recommends: {server[:MAX_TEXT]}" if server else ""
    )


def rejection(
    reason: ReasonCode, properties: Properties | None, options: MQTTOptions
) -> oscbridge.EndpointError:
    """The error for a broker that does not accept the session."""
    name = reason_name(reason)
    hint = _HINTS.get(name, "")
    if name == "Unsupported protocol version" and options.version == "3.1.1":
        hint = ""
    text = f"the broker rejected the connection: {name}{_broker_text(properties)}"
    return BrokerRejection(text + (hint and f"; {hint}"))


def disconnect_text(
    end: ConnectionEnd,
    reason: ReasonCode,
    properties: Properties | None,
    options: MQTTOptions,
    client_id: str,
) -> str:
    """Why a connection ended."""
    is_5 = options.version == "5"
    twin = f"; is there another client with client_id = {client_id!r}?"
    closed = "the broker closed the connection"
    if end.in_flight and reason.value not in UNRELATED:
        closed += f" {end.in_flight}"
    if end.packet_from_broker:
        text = f"{closed}: {reason_name(reason)}{_broker_text(properties)}"
        return text + (twin if reason.value == TAKEN_OVER else "")
    if reason == "Keep alive timeout":
        return "the broker does not respond"
    if end.tls_error:
        return f"{closed}: {end.tls_error}"
    if not end.closed_by_broker:
        hint = '; if it does not support MQTT 5, set version = "3.1.1"' if is_5 else ""
        return f"the broker sent invalid MQTT {options.version}{hint}"
    if end.before_connack:
        hint = ""
        if options.broker[0].is_tls and options.certificate is None:
            hint = "; it may require a client certificate: set certificate and key"
        elif is_5:
            hint = '; if it does not support MQTT 5, set version = "3.1.1"'
        return f"{closed} before it answered{hint}"
    if end.in_flight or not end.is_recent:
        return closed
    # Without acknowledgements (QoS 0) nothing tells which it is.
    rejects = f" Or does it reject the message to {end.latest!r}?" if end.latest else ""
    return closed + twin + rejects


def connect_failure(error: Exception, broker: BrokerURL, timeout: float) -> Exception:
    """The error for a socket that cannot be opened. ``timeout`` is in seconds."""
    match error:
        case ssl.SSLCertVerificationError():
            why = oscbridge.untrusted_certificate(error, broker.host)
            return oscbridge.EndpointError(f"the broker's certificate is not trusted: {why}")
        case ssl.SSLError():
            text = f"TLS failed: {error.reason or error}; is this the broker's TLS port?"
            return oscbridge.EndpointError(text)
        case TimeoutError():
            return oscbridge.EndpointError(f"no answer within {timeout:g} s")
        case UnicodeError():
            return oscbridge.EndpointError(f"{broker.host!r} is not a valid host name")
        case OSError() if not error.errno and broker.is_websocket:
            return oscbridge.EndpointError(
                f"{error}; does the broker support MQTT over WebSocket at {broker}?"
            )
        case OSError() | oscbridge.OSCBridgeError():
            return error
    return oscbridge.EndpointError(repr(error))
