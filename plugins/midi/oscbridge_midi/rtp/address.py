"""``rtp://host:port`` and ``rtp://NAME``. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import oscbridge

__all__ = ["SCHEME", "SERVICE", "RtpListen", "RtpURL", "is_rtp"]

SCHEME: Final = "rtp://"

SERVICE: Final = "_apple-midi._udp"
"""The type of the services that are announced and found."""

MAX_PORT: Final = 65_534
"""The highest port for control: data has the next one."""


def is_rtp(text: str) -> bool:
    """Whether a text names a session of RTP-MIDI."""
    return text.startswith(SCHEME)


class RtpURL(NamedTuple):
    """Whom to invite: a host and a port, or the name of an announced session."""

    host: str
    port: int
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> RtpURL:
        """Read ``rtp://host:port`` or ``rtp://NAME``. Raises ``ValueError``."""
        rest = text.removeprefix(SCHEME)
        if not rest.strip():
            raise ValueError("write it as rtp://host:5004, or rtp://NAME for an announced session")
        is_name = ":" not in rest or not rest.rpartition(":")[2].isdecimal()
        if is_name and not rest.endswith(":"):
            oscbridge.check_service_name(rest)
            oscbridge.check_discovery()
            return cls("", 0, rest)
        address = _parse(rest)
        oscbridge.check_host(address.host)
        return cls(address.host, address.port)

    def __str__(self) -> str:
        return SCHEME + (self.name or str(oscbridge.HostPort(self.host, self.port)))


class RtpListen(NamedTuple):
    """Where to accept sessions: control at the port, data at the next one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> RtpListen:
        """Read ``rtp://host:port``. Raises ``ValueError``."""
        return cls(*_parse(text.removeprefix(SCHEME), lowest=0))

    def __str__(self) -> str:
        return f"{SCHEME}{oscbridge.HostPort(self.host, self.port)}"


def _parse(text: str, lowest: int = 1) -> oscbridge.HostPort:
    try:
        address = oscbridge.HostPort.parse(text)
    except oscbridge.HostError:
        raise
    except ValueError:
        raise ValueError("write it as rtp://host:port, e.g. rtp://192.168.1.5:5004") from None
    if not lowest <= address.port <= MAX_PORT:
        raise ValueError(f"the port must be {lowest} to {MAX_PORT}; data uses the next one")
    return address
