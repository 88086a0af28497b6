"""paho's client, as the options want it."""

from __future__ import annotations

from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from oscbridge_mqtt.options import MQTTOptions
from oscbridge_mqtt.stream import Sockets

__all__ = ["DIAL_TIMEOUT", "make_client"]

DIAL_TIMEOUT: Final = 4.0
"""Seconds for each step to an open socket: TCP, TLS, WebSocket."""


def make_client(options: MQTTOptions, client_id: str, sockets: Sockets) -> Client:
    """A client that is run by others, and that limits nothing itself."""
    broker, is_5 = options.broker[0], options.version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if is_5 else options.session_expiry == 0,
        protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        transport="websockets" if broker.is_websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.connect_timeout = DIAL_TIMEOUT
    client.max_inflight_messages = 0  # the window is ours
    if options.username is not None or options.password is not None:
        client.username = options.username
        client.password = None if options.password is None else options.password.value
    if broker.scheme != "ws":
        client.tls_set_context(sockets)  # type: ignore[arg-type]
    return client
