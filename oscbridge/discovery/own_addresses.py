"""The addresses of this machine, as others in its networks reach it."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import Final

from oscbridge.discovery.interfaces import list_interfaces

__all__ = ["own_addresses"]

MAX_ADDRESSES: Final = 8

_ELSEWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): nothing is sent to them."""

_VIRTUAL: Final = ("docker", "br-", "veth", "virbr")
"""The starts of names of interfaces that only programs of this machine reach."""


def own_addresses() -> list[str]:
    """The addresses that the system would send from, then those of further networks.

    A network of a show may have no router, and none of its addresses is one to send from. Those
    are found with the extra ``discovery``. No loopback ones.
    """
    found: dict[str, None] = {}
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.connect((elsewhere, 9))
            found[sock.getsockname()[0]] = None
    with suppress(ImportError, OSError):
        names = (each for each in list_interfaces() if not each.name.startswith(_VIRTUAL))
        found |= dict.fromkeys(each.address for each in names)
    return [each for each in found if _is_reachable(each)][:MAX_ADDRESSES]


def _is_reachable(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
