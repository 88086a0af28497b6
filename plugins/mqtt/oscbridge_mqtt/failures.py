"""What went wrong with a broker, in words that a person can act on."""

from __future__ import annotations

import ssl
from typing import Final

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

import oscbridge
from oscbridge_mqtt.broker import Broker
from oscbridge_mqtt.options import MQTTOptions

__all__ = ["connect_failure", "reason_name", "refusal", "words"]

MAX_WORDS: Final = 200
"""Characters of what a broker says in words."""

_HINTS: Final = {
    "Bad user name or password": "check username and password",
    "Not authorized": "check username and password, and what the broker lets them do",
    "Client identifier not valid": "choose another client_id",
    "Unsupported protocol version": 'write version = "3.1.1"',
    "Banned": "the broker does not want this client",
    "Server busy": "the broker has too much to do",
    "Retain not supported": "from now on the status is not retained",
    "QoS not supported": "from now on the status is published with QoS 0",
}


def reason_name(reason: ReasonCode | int) -> str:
    """The name of a reason code (MQTT 5.0, section 2.4).

    Some brokers send what does not belong to the packet that it stands in.
    """
    number = reason if isinstance(reason, int) else reason.value
    for packet in (PacketTypes.PUBACK, PacketTypes.DISCONNECT, PacketTypes.CONNACK):
        try:
            return str(ReasonCode(packet, identifier=number))
        except (KeyError, ValueError):
            continue
    return f"reason code {number}"


def words(properties: Properties | None) -> str:
    """What a broker says beside a reason code: in words, and where else to go."""
    said = [getattr(properties, name, None) for name in ("ReasonString", "ServerReference")]
    text, server = ["".join(c if c.isprintable() else "?" for c in each or "") for each in said]
    out = f" ({text[:MAX_WORDS]})" if text else ""
    return out + (f"; write broker = what it names: {server[:MAX_WORDS]}" if server else "")


def refusal(
    reason: ReasonCode, properties: Properties | None, options: MQTTOptions
) -> oscbridge.EndpointError:
    """A broker that does not take the session."""
    name = reason_name(reason)
    hint = _HINTS.get(name, "")
    if name == "Unsupported protocol version" and options.version == "3.1.1":
        hint = ""
    text = f"the broker refuses: {name}{words(properties)}"
    return oscbridge.EndpointError(text + (hint and f"; {hint}"))


def connect_failure(error: Exception, broker: Broker, seconds: float) -> Exception:
    """A socket that cannot be opened."""
    match error:
        case ssl.SSLCertVerificationError():
            mend = ""
            if "hostname" in error.verify_message.lower() or "IP address" in error.verify_message:
                mend = f"; connect by a name that is in it, not as {broker.host}"
            elif "unable to get" in error.verify_message or "self" in error.verify_message:
                mend = "; name the authority that signed it: ca = ..."
            text = f"the broker's certificate is not trusted: {error.verify_message}{mend}"
            return oscbridge.EndpointError(text)
        case ssl.SSLError():
            text = f"TLS failed: {error.reason or error}; is this the broker's port for TLS?"
            return oscbridge.EndpointError(text)
        case TimeoutError():
            return oscbridge.EndpointError(f"no answer within {seconds:g} s")
        case UnicodeError():
            return oscbridge.EndpointError(f"{broker.host!r} is no name of a host")
        case OSError() if not error.errno and broker.is_websocket:
            return oscbridge.EndpointError(
                f"{error}; does the broker speak MQTT over WebSocket at {broker}?"
            )
        case OSError() | oscbridge.OSCBridgeError():
            return error
    return oscbridge.EndpointError(repr(error))
