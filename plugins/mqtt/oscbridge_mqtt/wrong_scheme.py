"""Recognises a port with TLS where the URL says without, and the other way round."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from typing import Final

from oscbridge_mqtt.broker import BrokerURL
from oscbridge_mqtt.failures import BrokerRejection

__all__ = ["scheme_problem"]

PROBE_TIMEOUT: Final = 2.0
"""Seconds for each step of a probe."""

_OTHER: Final = {"mqtt": "mqtts", "mqtts": "mqtt", "ws": "wss", "wss": "ws"}

_UNRELATED: Final = (ConnectionRefusedError, socket.gaierror, TimeoutError, BrokerRejection)
"""Failures that do not come from the scheme."""

_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
"""Reasons of TLS errors: the first bytes of the answer are not TLS."""

# CONNECT (MQTT 3.1.1, section 3.1) with a clean session and without a client identifier.
_CONNECT: Final = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00"
_CONNACK: Final = 0x20
_DISCONNECT: Final = b"\xe0\x00"


async def scheme_problem(broker: BrokerURL, failure: Exception) -> str:
    """Why a connection cannot be opened, if the scheme is the cause; else an empty text.

    The port is asked with the other scheme, within some seconds.
    """
    cause = failure.__context__ or failure
    if isinstance(failure, _UNRELATED) or isinstance(cause, _UNRELATED):
        return ""
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ""
    probe = _is_plain if broker.is_tls else _is_tls
    found = isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS
    try:
        found = found or await asyncio.to_thread(probe, broker)
    except (OSError, ValueError):
        return ""
    if not found:
        return ""
    other = replace(broker, scheme=_OTHER[broker.scheme])
    state = "without TLS" if broker.is_tls else "with TLS"
    return f"port {broker.port} of {broker.host} is one {state}; set broker to {other}"


def _is_tls(broker: BrokerURL) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent
    try:
        with (
            socket.create_connection((broker.host, broker.port), PROBE_TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=broker.host),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # e.g. it wants a certificate


def _is_plain(broker: BrokerURL) -> bool:
    with socket.create_connection((broker.host, broker.port), PROBE_TIMEOUT) as plain:
        plain.settimeout(PROBE_TIMEOUT)
        if broker.is_websocket:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % broker.host.encode("idna"))
            return plain.recv(5) == b"HTTP/"
        plain.sendall(_CONNECT)
        found = plain.recv(1) == bytes([_CONNACK])
        if found:
            plain.sendall(_DISCONNECT)
        return found
