"""Which pages may connect (RFC 6455, section 10.2).

A browser says which site a page came from. Without a check any page on the web that
somebody on this machine looks at could talk to the bridge.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

__all__ = ["is_allowed"]


def is_allowed(origin: str, host: str, local_host: str, listed: Collection[str]) -> bool:
    """Whether a page from ``origin`` may connect.

    ``host`` is the request's Host header and ``local_host`` the address at which the
    connection arrived. Allowed is what is ``listed`` ("*" is any), and otherwise a page
    from the same host. Where the connection arrived on the loopback interface, that host
    must be a loopback name itself: or else a stranger's page could be let in by a name of
    its own that it points to 127.0.0.1.
    """
    if "*" in listed or origin in listed:
        return True
    page, asked = _host(origin), _host(f"//{host}")
    if not page:
        return False
    if _is_loopback(local_host):
        return _is_loopback(page)
    return page == asked


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
