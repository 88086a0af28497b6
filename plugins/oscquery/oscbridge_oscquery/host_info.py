"""``HOST_INFO``: what a server says about itself. Pure.

Source: OSCQuery proposal, "HOST_INFO".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import oscbridge

__all__ = ["EXTENSIONS", "HostInfo"]

EXTENSIONS: Final[Mapping[str, bool]] = {
    "ACCESS": True,
    "VALUE": True,
    "RANGE": True,
    "DESCRIPTION": True,
    "TAGS": True,
    "EXTENDED_TYPE": True,
    "UNIT": True,
    "CRITICAL": True,
    "CLIPMODE": True,
    "OVERLOADS": True,
    "HTML": True,
    "LISTEN": True,
    "IGNORE": True,
    "PATH_CHANGED": True,
    "PATH_ADDED": True,
    "PATH_REMOVED": True,
    "PATH_RENAMED": True,
}
"""The attributes and commands of our server."""

MAX_TEXT: Final = 256
"""Characters of a name or a host."""

MAX_EXTENSIONS: Final = 64
"""Extensions of a server that are read."""

_ANY_HOST: Final = frozenset(("", "0.0.0.0", "::", "[::]", "*"))

_NEVER_IN_HOST: Final = re.compile(r"[\x00-\x20\x7f/?#@\\]")


@dataclass(frozen=True, slots=True)
class HostInfo:
    """The answer to ``?HOST_INFO``. An absent host or port is that of the HTTP server."""

    name: str = ""
    extensions: Mapping[str, bool] = field(default_factory=dict)
    osc_ip: str | None = None
    osc_port: int | None = None
    osc_transport: Literal["UDP", "TCP"] = "UDP"
    ws_ip: str | None = None
    ws_port: int | None = None

    def supports(self, extension: str) -> bool:
        """Whether the server says that it has an attribute or a command."""
        return self.extensions.get(extension, False)

    def seen_from(self, host: str) -> HostInfo:
        """The same for a client that has reached the server at ``host``.

        An address that means "this machine" would be the client's own machine.
        """
        if oscbridge.is_loopback(host):
            return self
        near = [each and oscbridge.is_loopback(each) for each in (self.osc_ip, self.ws_ip)]
        return replace(
            self,
            osc_ip=None if near[0] else self.osc_ip,
            ws_ip=None if near[1] else self.ws_ip,
        )

    def to_json(self) -> dict[str, object]:
        """As JSON. It never has ``FULL_PATH``: libossia tells answers apart by their keys."""
        found: dict[str, object] = {
            "NAME": self.name,
            "EXTENSIONS": dict(self.extensions),
            "OSC_TRANSPORT": self.osc_transport,
        }
        for key, value in (
            ("OSC_IP", self.osc_ip),
            ("OSC_PORT", self.osc_port),
            ("WS_IP", self.ws_ip),
            ("WS_PORT", self.ws_port),
        ):
            if value is not None:
                found[key] = value
        return found

    @classmethod
    def read(cls, document: object) -> HostInfo:
        """What another server says, tolerantly: keys that make no sense count as absent."""
        if not isinstance(document, Mapping):
            return cls()
        transport = document.get("OSC_TRANSPORT")
        is_tcp = isinstance(transport, str) and transport.strip().upper() == "TCP"
        return cls(
            _text(document.get("NAME")) or "",
            _extensions(document.get("EXTENSIONS")),
            _host(document.get("OSC_IP")),
            _port(document.get("OSC_PORT")),
            "TCP" if is_tcp else "UDP",
            _host(document.get("WS_IP")),
            _port(document.get("WS_PORT")),
        )


def _text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) else None


def _host(value: object) -> str | None:
    """A host; the address of any interface, which npm oscquery announces, is none."""
    text = (_text(value) or "").strip()
    if text in _ANY_HOST or _NEVER_IN_HOST.search(text):
        return None
    try:
        text.encode("idna")  # as it is looked up
    except UnicodeError:
        return None
    return text


def _port(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 5:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_port = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536
    return value if isinstance(value, int) and is_port else None


def _extensions(value: object) -> Mapping[str, bool]:
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, bool] = {}
    for name, supported in value.items():
        if isinstance(name, str) and len(name) <= MAX_TEXT and isinstance(supported, bool | int):
            found[name] = bool(supported)
        if len(found) == MAX_EXTENSIONS:
            break
    return found
