"""Which pages may connect (RFC 6455, section 10.2).

A browser says which site a page came from. Without a check any page on the web that
somebody on this machine looks at could talk to the bridge.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

__all__ = ["is_allowed", "is_known", "is_loopback"]

_PRIVATE: Final = (".local", ".localhost", ".home.arpa", ".internal")
"""Ends of names that nobody can register (RFC 6762, 6761 and 8375, and a decision of ICANN)."""


def is_allowed(
    origin: str, host: str, local_host: str, listed: Collection[str], hosts: Collection[str]
) -> bool:
    """Whether a page from ``origin`` may connect.

    ``host`` is the request's Host header and ``local_host`` the address at which the
    connection arrived. Allowed is what is ``listed`` ("*" is any), and otherwise a page
    from the same host. Where the connection arrived on the loopback interface, that host
    must be a loopback name itself: or else a stranger's page could be let in by a name of
    its own that it points to 127.0.0.1. Elsewhere it must be known for the same reason
    (:func:`is_known`, with ``hosts``).
    """
    if "*" in listed or origin in listed:
        return True
    page, asked = _host(origin), _host(f"//{host}")
    if not page:
        return False
    if is_loopback(local_host):
        return is_loopback(page)
    return page == asked and is_known(host, hosts)


def is_known(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header is no stranger's name for this machine (DNS rebinding).

    Known is what is in ``hosts`` ("*" is any), an address, and a name that nobody can
    register, such as ``stage`` or ``stage.local``.
    """
    name = _host(f"//{host}")
    if not name:
        return False
    if "*" in hosts or name in (each.lower() for each in hosts):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(_PRIVATE)
    return True


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, to itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
