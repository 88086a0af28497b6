"""The URL of a broker: ``mqtts://broker.example:8883``."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic_core import CoreSchema, core_schema

import oscbridge

__all__ = ["PORTS", "BrokerURL"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
"""The schemes with their default ports."""

WEBSOCKET_PATH: Final = "/mqtt"
"""The default path for WebSocket."""

_HINT: Final = "expected mqtt://host:port, e.g. mqtt://127.0.0.1:1883"


class BrokerURL(NamedTuple):
    """A transport, a host, a port, and for WebSocket a path."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> BrokerURL:
        """Parse ``mqtt://host:port``, also with mqtts, ws or wss.

        Raises ``ValueError`` with a hint.
        """
        oscbridge.check_placeholder(text)
        scheme, separator, _ = text.partition("://")
        if not separator:
            raise ValueError(_HINT)
        if scheme not in PORTS:
            raise ValueError(f"unknown scheme {scheme!r}; available: {', '.join(PORTS)}")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{error}; {_HINT}") from None
        if parts.username is not None:
            raise ValueError("set username and password under their own keys, not in the URL")
        if not host or port == 0 or parts.query or parts.fragment:
            raise ValueError(_HINT)
        oscbridge.check_host(host)
        websocket = scheme in ("ws", "wss")
        if parts.path not in ("", "/") and not websocket:
            raise ValueError("only ws:// and wss:// URLs may have a path")
        path = (parts.path or WEBSOCKET_PATH) if websocket else ""
        return cls(scheme, host, port or PORTS[scheme], path)

    @property
    def identity(self) -> tuple[str, int]:
        """Equal for URLs of one broker, as far as the text says so.

        The usual ports with and without TLS belong to one broker.
        """
        host = self.host.lower().rstrip(".")
        is_loopback = host in ("localhost", "::1") or host.startswith("127.")
        port = PORTS["mqtt"] if self.port == PORTS["mqtts"] else self.port
        return "localhost" if is_loopback else host, port

    @property
    def is_tls(self) -> bool:
        return self.scheme in ("mqtts", "wss")

    @property
    def is_websocket(self) -> bool:
        return self.scheme in ("ws", "wss")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls.parse,
            core_schema.str_schema(),
            metadata={"pydantic_js_updates": {"pattern": f"^({'|'.join(PORTS)})://."}},
        )
