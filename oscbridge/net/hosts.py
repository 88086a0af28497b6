"""Which Host and Origin headers an HTTP or WebSocket server accepts. Pure.

A page on the web can let its own host name resolve to this machine's address and then talk to
a local server as if it were its own (DNS rebinding). And any page may open a WebSocket to any
host. Browsers report both: the name they used in ``Host`` (RFC 9110, section 7.2), the site a
page came from in ``Origin`` (RFC 6454, section 7; for WebSocket RFC 6455, section 10.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from oscbridge.net.any_host import is_any_host

__all__ = ["HostPolicy", "is_loopback"]

_UNREGISTRABLE: Final = (".local", ".localhost", ".home.arpa", ".internal", ".lan")
"""Suffixes under which nobody can register a name: RFC 6762, RFC 6761, RFC 8375, the ICANN
resolution 2024.07.29.06 (``.internal``), and ``.lan``, a common choice of home routers that is
not a top-level domain."""

_HOST_HEADER: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Za-z.%]*:[0-9A-Za-z:.%]*)\]|(?P<name>[0-9A-Za-z._-]+))(?::[0-9]{0,5})?"
)
_ORIGIN_HEADER: Final = re.compile(
    r"https?://(?:\[(?P<v6>[0-9a-f:]+)\]|(?P<name>[0-9a-z_-]+(?:\.[0-9a-z_-]+)*))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.IGNORECASE,
)
"""A page in the form that browsers report (WHATWG HTML, "serialization of an origin"). Only pages
of HTTP can be the server's own."""

MAX_PORT: Final = 65_535
_NEVER_IN_ORIGIN: Final = re.compile(r"[\x00-\x20\x7f\\@]")
"""Characters that no browser sends in an Origin, but that URL parsers disagree about."""


class HostPolicy:
    """The one rule for Host and Origin headers.

    ``hosts`` are additional names under which clients may address the server, ``origins``
    additional sites whose pages may connect, such as ``https://example.org``. In both ``"*"``
    accepts any.
    """

    def __init__(self, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    @classmethod
    def of_listener(
        cls, listen: str, hosts: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> HostPolicy:
        """The policy of a server that listens on the host ``listen``, which is one of its names.

        All addresses (``*``, ``::``) are none: in ``hosts``, ``"*"`` would accept any.
        """
        named = () if is_any_host(listen) else (listen,)
        return cls((*named, *hosts), origins)

    def accepts_host(self, header: str | None) -> bool:
        """Whether a request with this ``Host`` may be answered.

        Accepted are IP addresses, names that nobody can register (``stage``, ``stage.local``,
        ``stage.lan``), and ``hosts``. A request without a Host (None) does not come from a
        browser and is accepted.
        """
        if header is None:
            return True
        name = _name_in(_HOST_HEADER, header)
        if not name:
            return False
        if "*" in self._hosts or name in self._hosts:
            return True
        return "." not in name or name.endswith(_UNREGISTRABLE) or _address(name) is not None

    def accepts_origin(self, origin: str | None, host: str | None, local_address: str) -> bool:
        """Whether a page from ``origin`` may connect.

        ``host`` is the request's Host header, ``local_address`` the IP address at which the
        connection arrived. Besides ``origins``, connections that arrive on a loopback address
        accept pages from loopback hosts only, and others pages from the host that the page
        itself used to connect, if :meth:`accepts_host` accepts that. Both must be pages of HTTP;
        apps such as ``capacitor://localhost`` have to be among ``origins``. A request without
        an Origin (None) does not come from a page and is accepted.
        """
        if origin is None:
            return True
        if _NEVER_IN_ORIGIN.search(origin):
            return False
        if "*" in self._origins or origin in self._origins:
            return True
        page = _page_host(origin)
        if not page:
            return False
        if is_loopback(local_address):
            return is_loopback(page)
        return host is not None and page == _name_in(_HOST_HEADER, host) and self.accepts_host(host)


def is_loopback(host: str) -> bool:
    """Whether a host is ``localhost``, a name below it (RFC 6761), or a loopback address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _name_in(pattern: re.Pattern[str], header: str) -> str:
    """The host in a header, lower case and without port; empty if the header is malformed."""
    found = pattern.fullmatch(header)
    if found is None:
        return ""
    name: str | None = found["name"]
    if name is None:  # in brackets: IPv6
        name = found["v6"] if _address(found["v6"]) is not None else ""
    return name.lower()


def _page_host(origin: str) -> str:
    """The host of a page, lower case; empty if browsers report no such page."""
    found = _ORIGIN_HEADER.fullmatch(origin)
    if found is None or int(found["port"] or 0) > MAX_PORT:
        return ""
    is_mapped = found["v6"] is not None and isinstance(_address(found["v6"]), IPv4Address)
    return "" if is_mapped else _name_in(_ORIGIN_HEADER, origin)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address; one that is IPv4 in IPv6 (``::ffff:127.0.0.1``) as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = None if isinstance(address, IPv4Address) else address.ipv4_mapped
    return address if mapped is None else mapped
