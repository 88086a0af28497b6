"""The URL of a server: ``nats://10.0.0.1:4222``."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic_core import CoreSchema, core_schema

import oscbridge

__all__ = ["SCHEMES", "ServerURL"]

SCHEMES: Final = ("nats", "tls")
"""``tls`` refuses a server without TLS, ``nats`` uses TLS where the server asks for it."""

PORT: Final = 4222

_HINT: Final = "expected nats://host:port, e.g. nats://127.0.0.1:4222"


class ServerURL(NamedTuple):
    """A scheme, a host and a port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ServerURL:
        """Parse ``nats://host:port``, also with tls. Raises ``ValueError`` with a hint."""
        oscbridge.check_placeholder(text)
        scheme, separator, _ = text.partition("://")
        if not separator:
            raise ValueError(_HINT)
        if scheme not in SCHEMES:
            raise ValueError(f"unknown scheme {scheme!r}; available: {', '.join(SCHEMES)}")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{error}; {_HINT}") from None
        if parts.username is not None:
            raise ValueError("set user and password under their own keys, not in the URL")
        if not host or port == 0 or parts.query or parts.fragment or parts.path not in ("", "/"):
            raise ValueError(_HINT)
        oscbridge.check_host(host)
        return cls(scheme, host, port or PORT)

    @property
    def identity(self) -> tuple[str, int]:
        """Equal for URLs of one server, as far as the text says so."""
        host = self.host.lower().rstrip(".")
        is_loopback = host in ("localhost", "::1") or host.startswith("127.")
        return "localhost" if is_loopback else host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls.parse,
            core_schema.str_schema(),
            metadata={"pydantic_js_updates": {"pattern": f"^({'|'.join(SCHEMES)})://."}},
        )
