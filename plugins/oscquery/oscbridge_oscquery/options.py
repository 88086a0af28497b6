"""The options of an endpoint with ``type = "oscquery"``."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator
from yarl import URL

import oscbridge
from oscbridge.http import tls_context

__all__ = ["OSCQueryOptions"]

MAX_NAME: Final = 63
"""Bytes of a name: those of a label of DNS."""

_SERVER_KEYS: Final = frozenset(
    ("osc_port", "name", "announce", "advertise", "origins", "hosts", "trusted_proxies", "allow",
     "certificate", "key", "max_connections", "max_connections_per_address",
     "max_packet_size", "max_rate", "max_client_queue")
)  # fmt: skip
_CLIENT_KEYS: Final = frozenset(("token", "poll"))


def _url(text: str) -> str:
    try:
        url = URL(text)
        port = url.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a valid URL: {error}") from None
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ValueError(f"must be a URL like http://192.168.1.40:9001, got {text!r}")
    if url.path not in ("", "/") or url.query_string or url.fragment or url.user:
        raise ValueError(f"must end after the port, got {text!r}")
    return text


def _name(text: str) -> str:
    if not text or len(text.encode()) > MAX_NAME or not text.isprintable():
        raise ValueError(f"must have 1 to {MAX_NAME} bytes, without control characters")
    return text


def _advertise(text: str) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"must be an IPv4 address, got {text!r}") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"must be an address of this machine or its router, got {text!r}")
    return text


def _announce(value: bool | str) -> bool | str:
    if isinstance(value, str):
        oscbridge.check_service_name(value)
    if value is not False:
        oscbridge.check_discovery()
    return value


def _find(text: str) -> str:
    oscbridge.check_service_name(text)
    oscbridge.check_discovery()
    return text


class OSCQueryOptions(oscbridge.Options):
    """The options of an endpoint with ``type = "oscquery"``: of a server or of a client."""

    listen: oscbridge.HostPort | None = None
    """A server: where to listen, ``host:port``, for HTTP, WebSocket, and OSC over UDP."""
    url: Annotated[str, AfterValidator(_url)] | None = None
    """A client: the server, ``http://host:port``."""
    find: Annotated[str, AfterValidator(_find)] | None = None
    """A client: the name of the server in the local network, instead of ``url``; ``*`` and ``?``
    stand for any text and any character, e.g. ``VRChat-Client-*``. It is followed to other
    addresses and ports."""
    osc_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """The port for OSC over UDP, if it is not that of ``listen``; 0 receives nothing over UDP.
    HOST_INFO then states TCP, so that clients such as ossia score send over the WebSocket."""
    name: Annotated[str, AfterValidator(_name)] | None = None
    """The name of the server; by default that of the endpoint and the machine. Clients may
    recognise the server by it."""
    announce: Annotated[bool | str, AfterValidator(_announce)] = False
    """Whether to announce the server in the local network. A text is the name that others see;
    with ``true`` it is ``name`` with a number that differs at each start, as VRChat ignores a
    server that it has seen under the same name before."""
    advertise: Annotated[str, AfterValidator(_advertise)] | None = None
    """The IPv4 address to state, if clients reach the server by another one than it knows: through
    NAT, or in a container."""
    origins: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_origins)] = ()
    """Sites whose pages may connect, for example ``https://example.org``; ``*`` allows any."""
    hosts: Annotated[tuple[str, ...], AfterValidator(oscbridge.check_host_names)] = ()
    """Additional host names of this machine, for example ``stage.example.org``; ``*`` allows
    any."""
    trusted_proxies: oscbridge.AllowList = oscbridge.AllowList()
    """Reverse proxies whose ``X-Forwarded-For`` counts: a wrong token is then that of the client,
    not of the proxy."""
    allow: oscbridge.AllowList = oscbridge.AllowList()
    """Networks and addresses that may send OSC over UDP. If empty: all, and none where clients
    need a token, which UDP cannot carry."""
    certificate: oscbridge.File | None = None
    """The certificate chain as a PEM file. With it, only TLS is accepted."""
    key: oscbridge.File | None = None
    """The private key as a PEM file without passphrase, unless ``certificate`` contains it."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 128
    """The most connections at the same time."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 64
    """The most connections at the same time from one address."""
    max_packet_size: Annotated[int, Field(ge=16, le=1 << 24)] = 65_535
    """The largest frame from a client, in bytes; a larger one closes the connection."""
    max_rate: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Messages per second from one client; a client that sends more is throttled."""
    max_client_queue: Annotated[int, Field(ge=1, le=10_000_000)] = 8_192
    """Messages queued for one slow client; above that the oldest are dropped."""
    token: oscbridge.Secret | None = None
    """The token for the server: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    poll: Annotated[float, Field(ge=0.05, le=3_600)] = 0.5
    """Seconds between queries of a server that has no ``LISTEN``, as VRChat."""

    @property
    def is_server(self) -> bool:
        """Whether this is a server, not a client."""
        return self.listen is not None

    @property
    def announcement(self) -> tuple[object, ...]:
        """What other programs see in the network; empty if it is not announced."""
        return (self.announce, self.advertise, self.name) if self.announce else ()

    def udp_listen(self) -> oscbridge.HostPort | None:
        if self.listen is None or self.osc_port == 0:
            return None
        return self.listen._replace(port=self.osc_port or self.listen.port)

    def certificates(self) -> Mapping[str, Path]:
        return {} if self.certificate is None else {"certificate": self.certificate}

    def config_warnings(self) -> Sequence[str]:
        is_plain = self.url is None or self.url.startswith("http:")
        if self.token is not None and is_plain:
            return ["the token is sent in plain text; use url with https://"]
        return ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        roles = [self.listen, self.url, self.find]
        if sum(each is not None for each in roles) != 1:
            raise ValueError("set listen for a server, or url or find for a client")
        wrong = self.model_fields_set & (_CLIENT_KEYS if self.is_server else _SERVER_KEYS)
        if wrong:
            role = "a client (url or find)" if self.is_server else "a server (listen)"
            raise ValueError(f"{', '.join(sorted(wrong))}: only possible for {role}")
        tls_context(self.certificate, self.key)
        return self
