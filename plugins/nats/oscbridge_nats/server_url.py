"""The URL of a server: ``nats://10.0.0.1:4222``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

import oscbridge

__all__ = ["NATSServerURL", "Servers"]

MAX_SERVERS: Final = 100
"""Most servers of a cluster."""


class NATSServerURL(oscbridge.ServerURL):
    """A scheme, a host and a port.

    ``tls`` refuses a server without TLS, ``nats`` uses TLS where the server asks for it.
    """

    default_ports: ClassVar[Mapping[str, int]] = {"nats": 4222, "tls": 4222}


def _servers(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _one_scheme(value: tuple[NATSServerURL, ...]) -> tuple[NATSServerURL, ...]:
    if len({server.scheme for server in value}) > 1:
        raise ValueError("all servers of a cluster must have the same scheme")
    return value


_OneOrMoreServers: TypeAlias = (
    NATSServerURL
    | Annotated[tuple[NATSServerURL, ...], Field(min_length=1, max_length=MAX_SERVERS)]
)
Servers: TypeAlias = Annotated[
    tuple[NATSServerURL, ...],
    BeforeValidator(_servers, json_schema_input_type=_OneOrMoreServers),
    AfterValidator(_one_scheme),
    Field(min_length=1, max_length=MAX_SERVERS),
]
