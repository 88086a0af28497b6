"""The keys of an endpoint with ``type = "websocket"``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

import oscbridge
from oscbridge_websocket.tls import make_context

__all__ = ["MIN_TOKEN", "TokenOptions", "WebSocketOptions"]

MIN_TOKEN: Final = 8
"""Characters of a token, at least: a shorter one is soon guessed."""

MAX_TOKENS: Final = 256
"""Tokens of one endpoint: a client's is held against each of them."""


def _token(secret: oscbridge.Secret) -> oscbridge.Secret:
    if len(secret.value) < MIN_TOKEN:
        raise ValueError(
            f"a token has at least {MIN_TOKEN} characters; `openssl rand -hex 16` makes a good one"
        )
    return secret


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError("no address at all; leave the key out for all of them")
    for text in texts:
        if not text.startswith(("/", "*")):
            raise ValueError(f"{text!r}: an address starts with '/'")
        oscbridge.Pattern(text, mapped=True)  # raises a ValueError that says what is wrong
    return texts


Token = Annotated[oscbridge.Secret, AfterValidator(_token)]


class TokenOptions(oscbridge.Options):
    """``[[endpoint.NAME.tokens]]``: a token, and what it allows."""

    token: Token
    """The token: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    rights: Literal["listen", "send", "both"] = "both"
    """What a client with it may do: ``listen``, ``send`` or ``both``."""
    addresses: Annotated[tuple[str, ...], AfterValidator(_addresses)] = ("*",)
    """Addresses that it may do that with, written as in the ``match`` of a route."""


class WebSocketOptions(oscbridge.Options):
    """The keys of an endpoint with ``type = "websocket"``."""

    renamed_keys: ClassVar[Mapping[str, str]] = {
        "max_clients": "max_connections",
        "max_clients_per_address": "max_connections_per_address",
        "max_frame": "max_packet_size",
        "client_queue": "max_client_queue",
    }

    listen: oscbridge.HostPort = oscbridge.HostPort("127.0.0.1", 8080)
    """Where to listen: ``host:port``."""
    token: Token | None = None
    """A token that allows everything: ``{ env = "NAME" }`` or ``{ file = "path" }``."""
    tokens: Annotated[tuple[TokenOptions, ...], Field(max_length=MAX_TOKENS)] = ()
    """Tokens with rights of their own."""
    certificate: oscbridge.File | None = None
    """The certificate and those that it rests on, PEM: then it speaks TLS and nothing else."""
    key: oscbridge.File | None = None
    """The private key, PEM, without a passphrase, if it is not in ``certificate``."""
    origins: tuple[str, ...] = ()
    """Sites whose pages may connect, as ``https://example.org``; ``*`` is any. Pages from
    the same host always may, and so may programs, which send no Origin."""
    hosts: tuple[str, ...] = ()
    """Names of this machine that a browser may use, as ``stage.example.org``; ``*`` is any."""
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Clients at once."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=100_000)] = 64
    """Connections at once from one address (IPv6: from one /64)."""
    max_handshakes: Annotated[int, Field(ge=1, le=100_000)] = 128
    """Connections at once that are no clients yet, as they have not shown what they must."""
    max_packet_size: Annotated[int, Field(ge=16, le=1 << 24)] = 65_535
    """Bytes of a frame from a client; a larger one closes the connection."""
    max_rate: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    """Messages a second from one client; beyond it, it is read no faster."""
    max_client_queue: Annotated[int, Field(ge=1, le=10_000_000)] = 8_192
    """Messages that wait for one slow client; beyond it the oldest is dropped."""
    snapshot: bool = False
    """Whether a new client is first given the last value of each address, unasked."""
    page: bool = True
    """Whether a browser that opens the address gets a page with the live values."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        make_context(self.certificate, self.key)
        secrets = [each.token for each in self.tokens]
        if self.token is not None:
            secrets.append(self.token)
        if len(set(secrets)) < len(secrets):
            raise ValueError("two tokens are the same; each needs a text of its own")
        return self
