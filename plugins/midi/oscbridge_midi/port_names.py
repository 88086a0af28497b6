"""Finds a port in a list by name, part of a name, or number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import oscbridge

__all__ = ["VIRTUAL", "AmbiguousPort", "PortNotFound", "VirtualPort", "choose"]

VIRTUAL: Final = "virtual:"
"""The prefix of a port to be created."""

LISTED: Final = 20
"""The most ports listed in an error."""


MAX_CLIENT: Final = 63
MAX_PORT: Final = 200
"""Bytes of the names of a client and of its port: what JACK allows, and less than that."""


class VirtualPort(NamedTuple):
    """A port to be created: ``virtual:CLIENT:PORT`` or ``virtual:PORT``."""

    client: str
    """The client that it belongs to; empty for the one of the endpoint."""
    port: str

    @classmethod
    def parse(cls, text: str) -> VirtualPort:
        """Read it, with its prefix. Raises ``ValueError``."""
        client, colon, port = text.removeprefix(VIRTUAL).partition(":")
        if not colon:
            client, port = "", client
        client, port = client.strip(), port.strip()
        if not port or (colon and not client):
            raise ValueError("must not be empty after 'virtual:'; write virtual:CLIENT:PORT")
        if ":" in port:
            raise ValueError("names must not contain ':'; write virtual:CLIENT:PORT")
        if len(client.encode()) > MAX_CLIENT or len(port.encode()) > MAX_PORT:
            raise ValueError(
                f"the names must have at most {MAX_CLIENT} bytes (client) and {MAX_PORT} (port)"
            )
        return cls(client, port)


class PortNotFound(oscbridge.EndpointError):
    """The port does not exist, or not yet."""


class AmbiguousPort(oscbridge.EndpointError):
    """The name matches several ports."""


def choose(wanted: str, names: Sequence[str], kind: str) -> str:
    """The name of the port with this exact name, number (from 0) or part of its name.

    Parts are compared without case. ``kind`` is "input" or "output", for the errors. Raises
    :class:`PortNotFound` and :class:`AmbiguousPort`, which list the available ports.
    """
    if wanted in names:
        return wanted
    if wanted.isdecimal():
        if int(wanted) < len(names):
            return names[int(wanted)]
        raise PortNotFound(f"no {kind} port number {wanted}; {_available(names)}")
    found = [name for name in names if wanted.casefold() in name.casefold()]
    if not found:
        raise PortNotFound(f"no {kind} port with {wanted!r} in its name; {_available(names)}")
    if len(found) > 1:
        raise AmbiguousPort(
            f"{wanted!r} matches several {kind} ports: {_list(found)}; use more of the name"
        )
    return found[0]


def _available(names: Sequence[str]) -> str:
    return f"available: {_list(names)}" if names else "there are none"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:LISTED])
    return f"{shown}, …" if len(names) > LISTED else shown
