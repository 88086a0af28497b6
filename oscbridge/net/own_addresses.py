"""The addresses of this machine, as others in its networks reach it."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import Final

__all__ = ["own_addresses"]

MAX_ADDRESSES: Final = 8

_ELSEWHERE: Final = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
"""Addresses for documentation (RFC 5737, RFC 3849): nothing is sent to them."""


def own_addresses() -> list[str]:
    """The addresses that the system would send from, IPv4 first; no loopback ones."""
    found: dict[str, None] = {}
    for family, elsewhere in _ELSEWHERE:
        with suppress(OSError), closing(socket.socket(family, socket.SOCK_DGRAM)) as sock:
            sock.connect((elsewhere, 9))
            found[sock.getsockname()[0]] = None
    return [each for each in found if _is_reachable(each)][:MAX_ADDRESSES]


def _is_reachable(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_unspecified)
