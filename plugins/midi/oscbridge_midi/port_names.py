"""Which port of a list is meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import oscbridge

__all__ = ["VIRTUAL", "AmbiguousPort", "PortNotFound", "choose"]

VIRTUAL: Final = "virtual:"
"""What stands before the name of a port that is to be made."""

LISTED: Final = 20
"""Ports that an error lists."""


class PortNotFound(oscbridge.EndpointError):
    """There is no such port, yet."""


class AmbiguousPort(oscbridge.EndpointError):
    """Several ports could be meant."""


def choose(wanted: str, names: Sequence[str], kind: str) -> str:
    """The name of the port: an exact name, a number from 0, or a part of one name.

    ``kind`` is "input" or "output", for the errors. Upper and lower case are the same in a
    part. Raises :class:`PortNotFound` and :class:`AmbiguousPort`, which list what there is.
    """
    if wanted in names:
        return wanted
    if wanted.isdecimal():
        if int(wanted) < len(names):
            return names[int(wanted)]
        raise PortNotFound(f"there is no {kind} port {wanted}; {_there_is(names)}")
    found = [name for name in names if wanted.casefold() in name.casefold()]
    if not found:
        raise PortNotFound(f"no {kind} port has {wanted!r} in its name; {_there_is(names)}")
    if len(found) > 1:
        raise AmbiguousPort(f"{wanted!r} may be several {kind} ports: {_list(found)}; say more")
    return found[0]


def _there_is(names: Sequence[str]) -> str:
    return f"there is: {_list(names)}" if names else "there is none at all"


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:LISTED])
    return f"{shown}, …" if len(names) > LISTED else shown
