"""Creates paho's client from the options."""

from __future__ import annotations

import re
import socket
import zlib
from collections.abc import Mapping
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from oscbridge_mqtt.buffered_socket import SocketFactory
from oscbridge_mqtt.options import MQTTOptions

__all__ = ["CONNECT_TIMEOUT", "default_client_id", "make_client"]

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


def default_client_id(name: str, configuration: str = "") -> str:
    """The same at each start: the broker identifies the session by it.

    ``configuration`` is the path of the file: each has its own sessions and entities.
    """
    text = re.sub(r"[^A-Za-z0-9._-]", "-", f"oscbridge-{socket.gethostname()}-{name}")
    if not configuration:
        return text[:128]
    return f"{text[:119]}-{zlib.crc32(configuration.encode()):08x}"


def plain_origin(headers: Mapping[str, str]) -> dict[str, str]:
    """The handshake headers of a WebSocket without TLS: paho takes every context for TLS."""
    return {**headers, "Origin": headers["Origin"].replace("https:", "http:", 1)}
