"""The URL of a broker: ``mqtts://broker.example:8883``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

import oscbridge

__all__ = ["BrokerURL", "Brokers"]

MAX_BROKERS: Final = 100
"""Most nodes of a cluster."""


class BrokerURL(oscbridge.ServerURL):
    """A transport, a host, a port, and for WebSocket a path."""

    default_ports: ClassVar[Mapping[str, int]] = {
        "mqtt": 1883,
        "mqtts": 8883,
        "ws": 80,
        "wss": 443,
    }
    default_paths: ClassVar[Mapping[str, str]] = {"ws": "/mqtt", "wss": "/mqtt"}
    user_key = "username"

    @property
    def identity(self) -> tuple[str, int]:
        """Equal for URLs of one broker, as far as the text says so.

        The usual ports with and without TLS belong to one broker.
        """
        host, port = super().identity
        ports = self.default_ports
        return host, ports["mqtt"] if port == ports["mqtts"] else port

    @property
    def is_tls(self) -> bool:
        return self.scheme in ("mqtts", "wss")

    @property
    def is_websocket(self) -> bool:
        return self.scheme in self.default_paths


def _brokers(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _one_scheme(value: tuple[BrokerURL, ...]) -> tuple[BrokerURL, ...]:
    if len({broker.scheme for broker in value}) > 1:
        raise ValueError("all nodes of a cluster must have the same scheme")
    return value


_OneOrMoreBrokers: TypeAlias = (
    BrokerURL | Annotated[tuple[BrokerURL, ...], Field(min_length=1, max_length=MAX_BROKERS)]
)
Brokers: TypeAlias = Annotated[
    tuple[BrokerURL, ...],
    BeforeValidator(_brokers, json_schema_input_type=_OneOrMoreBrokers),
    AfterValidator(_one_scheme),
    Field(min_length=1, max_length=MAX_BROKERS),
]
