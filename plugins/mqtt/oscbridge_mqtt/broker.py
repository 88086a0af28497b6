"""Where the broker is: ``mqtts://broker.example:8883``."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic_core import CoreSchema, core_schema

__all__ = ["PORTS", "Broker"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
"""The schemes, and the port of each that is used when none is written."""

WEBSOCKET_PATH: Final = "/mqtt"
"""The path that is asked for over WebSocket when none is written."""

_HINT: Final = "write it as mqtt://host:port, for example mqtt://127.0.0.1:1883"


class Broker(NamedTuple):
    """A transport, a host, a port, and for WebSocket a path."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Broker:
        """Read ``mqtt://host:port``, also with mqtts, ws or wss.

        Raises ``ValueError`` that says what would be right.
        """
        scheme, separator, _ = text.partition("://")
        if not separator:
            raise ValueError(_HINT)
        if scheme not in PORTS:
            raise ValueError(f"unknown transport {scheme!r}; known: {', '.join(PORTS)}")
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{error}; {_HINT}") from None
        if parts.username is not None:
            raise ValueError("name and password stand under username = and password =, not here")
        if not host or port == 0 or parts.query or parts.fragment:
            raise ValueError(_HINT)
        websocket = scheme in ("ws", "wss")
        if parts.path not in ("", "/") and not websocket:
            raise ValueError("only ws:// and wss:// have a path")
        path = (parts.path or WEBSOCKET_PATH) if websocket else ""
        return cls(scheme, host, port or PORTS[scheme], path)

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
        return core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema())
