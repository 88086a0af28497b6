"""``osc://NAME``: a target that is found by the name of its service in the local network."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

import oscbridge

__all__ = ["OSC_SERVICES", "ServiceURL", "Target", "parse_target"]

SCHEME: Final = "osc"

OSC_SERVICES: Final = ("_osc._udp", "_osc._tcp")
"""The services that are looked for."""

_ESCAPED: Final = re.compile(r"%[0-9A-Fa-f]{2}")


class ServiceURL(NamedTuple):
    """The name of a service; ``*`` and ``?`` stand for any text and any character."""

    name: str

    @classmethod
    def parse(cls, text: str) -> ServiceURL:
        """Read ``osc://NAME``; blanks and other characters may be escaped as in URLs.

        Raises ``ValueError``.
        """
        name = text.partition("://")[2].removesuffix("/")
        oscbridge.check_placeholder(name)
        if _ESCAPED.search(name):
            name = unquote(name)
        return cls(oscbridge.check_service_name(name))

    @property
    def scheme(self) -> str:
        return SCHEME

    def __str__(self) -> str:
        return f"{SCHEME}://{self.name}"


Target = oscbridge.OSCURL | ServiceURL


def parse_target(value: object) -> Target:
    """Read the URL of a target: an address, or the name of a service. Raises ``ValueError``."""
    if isinstance(value, oscbridge.OSCURL | ServiceURL):
        return value
    if not isinstance(value, str):
        raise ValueError('expected a URL in quotes, e.g. "udp://192.168.1.40:9000"')
    if value.startswith(f"{SCHEME}://"):
        url = ServiceURL.parse(value)
        oscbridge.check_discovery()
        return url
    try:
        return oscbridge.OSCURL.parse(value)
    except oscbridge.HostError:
        raise
    except ValueError as error:
        text = str(error)
        raise ValueError(text.replace("available: udp", "available: osc, udp")) from None
