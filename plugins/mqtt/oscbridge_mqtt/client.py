"""Creates paho's client from the options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from oscbridge_mqtt.buffered_socket import SocketFactory
from oscbridge_mqtt.options import MQTTOptions

__all__ = ["CONNECT_TIMEOUT", "make_client"]

CONNECT_TIMEOUT: Final = 4.0
"""Seconds for each step of opening a socket: TCP, TLS, WebSocket."""


def make_client(options: MQTTOptions, client_id: str, sockets: SocketFactory) -> Client:
    """A client without a thread, without reconnects and without an in-flight limit."""
    broker, is_5 = options.broker[0], options.version == "5"
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=None if is_5 else options.session_expiry == 0,
        protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        transport="websockets" if broker.is_websocket else "tcp",
        reconnect_on_failure=False,
    )
    client.connect_timeout = CONNECT_TIMEOUT
    client.max_inflight_messages = 0  # PublishBatch limits them
    if options.username is not None or options.password is not None:
        client.username = options.username
        client.password = None if options.password is None else options.password.value
    client.tls_set_context(sockets)  # type: ignore[arg-type]
    return client


def plain_origin(headers: Mapping[str, str]) -> dict[str, str]:
    """The handshake headers of a WebSocket without TLS: paho takes every context for TLS."""
    return {**headers, "Origin": headers["Origin"].replace("https:", "http:", 1)}
