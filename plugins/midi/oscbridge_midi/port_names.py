"""Finds a port in a list by name, part of a name, or number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import oscbridge

__all__ = ["VIRTUAL", "AmbiguousPort", "PortNotFound", "choose"]

VIRTUAL: Final = "virtual:"
"""The prefix of a port to be created."""

LISTED: Final = 20
"""The most ports listed in an error."""


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
