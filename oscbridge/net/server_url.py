"""URLs of the servers that plugins connect to: ``mqtts://broker.example:8883``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import urlsplit

from oscbridge.net.host_name import check_host, check_placeholder
from oscbridge.net.url import port_problem

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["ServerURL"]


@dataclass(frozen=True)
class ServerURL:
    """A scheme, a host, a port, and perhaps a path. Can be the type of an option.

    A protocol has a class of its own, which names its schemes::

        class LampURL(oscbridge.ServerURL):
            default_ports: ClassVar[Mapping[str, int]] = {"lamp": 7000, "lamps": 7001}
    """

    default_ports: ClassVar[Mapping[str, int]]
    """The schemes with their default ports; errors show the first one as an example."""
    default_paths: ClassVar[Mapping[str, str]] = {}
    """The schemes whose URLs may have a path, with the default paths."""
    user_key: ClassVar[str] = "user"
    """The option that has the name of the user, which must not be in the URL."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``scheme://host:port``. Raises ``ValueError`` with a hint."""
        check_placeholder(text)
        first, port = next(iter(cls.default_ports.items()))
        hint = f"expected {first}://host:port, e.g. {first}://127.0.0.1:{port}"
        scheme, separator, _ = text.partition("://")
        if not separator:
            raise ValueError(hint)
        if scheme not in cls.default_ports:
            raise ValueError(
                f"unknown scheme {scheme!r}; available: {', '.join(cls.default_ports)}"
            )
        try:
            parts = urlsplit(text)
            if problem := port_problem(parts.netloc.rpartition("@")[2]):
                raise ValueError(problem)
            host, given_port = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"{error}; {hint}") from None
        if parts.username is not None:
            raise ValueError(
                f"set {cls.user_key} and password under their own keys, not in the URL"
            )
        if not host or given_port == 0 or parts.query or parts.fragment:
            raise ValueError(hint)
        check_host(host)
        path = cls._path(scheme, parts.path, hint)
        return cls(scheme, host, given_port or cls.default_ports[scheme], path)

    @classmethod
    def _path(cls, scheme: str, given: str, hint: str) -> str:
        default = cls.default_paths.get(scheme)
        if default is not None:
            return given or default
        if given in ("", "/"):
            return ""
        if not cls.default_paths:
            raise ValueError(hint)
        schemes = " and ".join(f"{each}://" for each in cls.default_paths)
        raise ValueError(f"only {schemes} URLs may have a path")

    @property
    def identity(self) -> tuple[str, int]:
        """Equal for URLs of one server, as far as the text says so."""
        host = self.host.lower().rstrip(".")
        is_loopback = host in ("localhost", "::1") or host.startswith("127.")
        return "localhost" if is_loopback else host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        from pydantic_core import core_schema  # only for options

        return core_schema.no_info_after_validator_function(
            cls.parse,
            core_schema.str_schema(),
            metadata={"pydantic_js_updates": {"pattern": f"^({'|'.join(cls.default_ports)})://."}},
        )
