"""Addresses to listen on and to send to: ``host:port`` and ``udp://host:port``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from oscbridge.net.host_name import ANY_HOST, HostError, check_host, check_placeholder

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = ["OSCURL", "SCHEMES", "HostPort", "port_problem"]

SCHEMES: Final = {"udp": "", "tcp": "1.1", "tcp+1.0": "1.0", "tcp+auto": "auto"}
"""Transports of OSC, and the framing of each."""

_PORT: Final = re.compile(r":([^]:]+)$")
_MAX_PORT: Final = 65_535
_MAX_SHOWN: Final = 40
_HINT: Final = "write it as host:port, for example 127.0.0.1:8080 or [::1]:8080"


class HostPort(NamedTuple):
    """A host, by name or address, and a port. Can be the type of an option."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> HostPort:
        """Read ``host:port`` or ``[IPv6]:port``.

        Raises ``ValueError`` with a suggestion, also for a host that can never exist.
        """
        try:
            parts = urlsplit(f"//{text}")
            if problem := port_problem(parts.netloc):
                raise ValueError(problem)
            host, port = parts.hostname, parts.port
        except (TypeError, ValueError) as error:
            check_placeholder(text)
            raise ValueError(f"{error}; {_HINT}") from None
        if not host or port is None or f"//{parts.netloc}" != f"//{text}" or "@" in text:
            raise _syntax_error(text)
        return cls(host if host == ANY_HOST else check_host(host), port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return _schema(cls)


class OSCURL(NamedTuple):
    """A transport, a host and a port. Can be the type of an option."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> OSCURL:
        """Read ``udp://host:port``, also with tcp, tcp+1.0 or tcp+auto.

        Raises ``ValueError`` with a suggestion.
        """
        check_placeholder(text)
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise ValueError("write it as udp://host:port, for example udp://127.0.0.1:9000")
        if scheme not in SCHEMES:
            raise ValueError(f"unknown transport {scheme!r}; available: {', '.join(SCHEMES)}")
        try:
            return cls(scheme, *HostPort.parse(rest.removesuffix("/")))
        except HostError:
            raise
        except ValueError as error:
            hint = f"write it as {scheme}://host:port, for example {scheme}://127.0.0.1:9000"
            raise ValueError(str(error).replace(_HINT, hint)) from None

    @property
    def framing(self) -> str:
        """The framing: "1.0", "1.1" or "auto"; empty for UDP."""
        return SCHEMES[self.scheme]

    def __str__(self) -> str:
        return f"{self.scheme}://{HostPort(self.host, self.port)}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        return _schema(cls)


def port_problem(netloc: str) -> str:
    """Why the port of ``host:port`` is not valid; empty if it is, or if there is none."""
    found = _PORT.search(netloc)
    if found is None:
        return ""
    port = found[1]
    if not (port.isascii() and port.isdigit()):
        return f"{port[:_MAX_SHOWN]!r} is not a valid port"
    too_large = len(port.lstrip("0")) > len(str(_MAX_PORT)) or int(port) > _MAX_PORT
    return f"the port must be 0 to {_MAX_PORT}" if too_large else ""


def _syntax_error(text: str) -> ValueError:
    """The error for a text that is not a host and a port."""
    check_placeholder(text)
    return ValueError(_HINT)


def _schema(cls: type[HostPort] | type[OSCURL]) -> CoreSchema:
    """For pydantic: from text, by ``parse``."""
    from pydantic_core import core_schema  # only for options, not for every client

    def validate(value: str) -> HostPort | OSCURL:
        return cls.parse(value)

    schemes = "|".join(map(re.escape, SCHEMES))
    scheme = f"({schemes})://" if cls is OSCURL else ""
    return core_schema.no_info_after_validator_function(
        validate,
        core_schema.str_schema(),
        metadata={
            "pydantic_js_updates": {
                "pattern": f"^{scheme}.+:[0-9]{{1,5}}/?$",
                "examples": [f"{'udp://' if scheme else ''}192.168.1.40:9000"],
            }
        },
    )
