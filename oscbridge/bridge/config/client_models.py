"""The model of the clients of a bridge: every key with its type, its default and its meaning."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from oscbridge.contract.options import Options
from oscbridge.net.url import HostPort
from oscbridge.osc.pattern import is_pattern

__all__ = ["BridgeClientOptions"]

MAX_NAMED: Final = 100
"""Addresses in ``static`` and ``absorb``."""


def _address(value: str) -> str:
    if not value.startswith("/"):
        raise ValueError("an address must start with '/'")
    if is_pattern(value) or any(c.isspace() for c in value):
        raise ValueError('expected one address without wildcards, e.g. "/xremote"')
    return value


def _numeric(value: HostPort) -> HostPort:
    try:
        ip_address(value.host)
    except ValueError:
        raise ValueError('expected an IP address and a port, e.g. "10.0.0.5:9000"') from None
    if not value.port:
        raise ValueError("port must be at least 1")
    return value


def _many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_Address = Annotated[
    str, AfterValidator(_address), Field(json_schema_extra={"pattern": r"^/[^\s*?{}\[\]]*$"})
]
_IP_PORT = r"^([0-9.]+|\[[0-9A-Za-z:.%]+\]):[0-9]{1,5}$"
_Static = Annotated[
    HostPort, AfterValidator(_numeric), Field(json_schema_extra={"pattern": _IP_PORT})
]


class BridgeClientOptions(Options):
    """``[bridge.NAME.clients]``: who gets the messages of routes with ``to = "NAME"``."""

    max: Annotated[int, Field(ge=1, le=1_000)] = 32
    """UDP clients at once. Further ones are refused until one is forgotten."""
    forget: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """Seconds after which a UDP client that sends nothing is forgotten."""
    reply_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """The port at which UDP clients receive, if it is not the one that they send from."""
    subscribe: _Address | None = None
    """The address by which a client subscribes, e.g. ``"/subscribe"``; without it each client that
    sends anything gets messages. Such a message is not routed."""
    static: Annotated[
        tuple[_Static, ...],
        BeforeValidator(_many, json_schema_input_type=_Static | tuple[_Static, ...]),
        Field(max_length=MAX_NAMED),
    ] = ()
    """UDP clients that always get messages, e.g. ``["10.0.0.5:9000"]``."""
    echo: bool = False
    """Whether a message also returns to the client that it came from."""
    answers: Literal["everyone", "asker"] = "everyone"
    """Who gets a message that repeats the last value of its address: ``everyone``, or only the
    ``asker``: the clients that sent to this address, or else anything, within the last second."""
    snapshot: bool = False
    """Whether a new client gets the last value of each address."""
    absorb: Annotated[
        tuple[_Address, ...],
        BeforeValidator(_many, json_schema_input_type=_Address | tuple[_Address, ...]),
        Field(max_length=MAX_NAMED),
    ] = ()
    """Addresses of messages that only keep a client known and are not routed, e.g.
    ``["/xremote"]``."""

    @property
    def absorbed(self) -> tuple[str, ...]:
        """The addresses of messages that are not routed."""
        more = () if self.subscribe is None else (self.subscribe,)
        return (*self.absorb, *more)
