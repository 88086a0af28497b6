"""Who listens where: what cannot share a port, and what is sent to one of our own."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from oscbridge.bridge.config.models import BridgeOptions
from oscbridge.endpoint import Options
from oscbridge.net.url import OSCURL, HostPort

__all__ = [
    "Listen",
    "collide",
    "is_group",
    "listen_of_bridge",
    "listen_of_endpoint",
    "reaches",
    "share_a_port",
]


class Listen(NamedTuple):
    """Something that listens."""

    where: str
    """Its place in the configuration: ``bridge.stage``."""
    transport: str
    """udp or tcp."""
    at: HostPort
    shown: str
    """The value in the configuration."""
    framing: str = ""
    both_families: bool = False
    """Whether ``::`` takes IPv4 as well."""

    @property
    def name(self) -> str:
        """The name of the bridge or endpoint."""
        return self.where.partition(".")[2]


def listen_of_bridge(name: str, bridge: BridgeOptions) -> Listen:
    """Where a bridge listens."""
    # asyncio's TCP servers keep ``::`` to IPv6; other sockets take both, on most systems.
    both = bridge.listen.scheme == "udp" or bridge.mode != "asyncio"
    return _listen_of_url(f"bridge.{name}", bridge.listen, both_families=both)


def listen_of_endpoint(name: str, options: Options) -> Listen | None:
    """Where an endpoint listens, if it has such a key."""
    where, listen = f"endpoint.{name}", getattr(options, "listen", None)
    if isinstance(listen, OSCURL):
        return _listen_of_url(where, listen, both_families=listen.scheme == "udp")
    if not isinstance(listen, HostPort):
        return None
    to = getattr(options, "to", None)
    transport = to.scheme[:3] if isinstance(to, OSCURL) else "tcp"
    return Listen(where, transport, listen, str(listen), both_families=transport == "udp")


def _listen_of_url(where: str, url: OSCURL, *, both_families: bool) -> Listen:
    at = HostPort(url.host, url.port)
    return Listen(where, url.scheme[:3], at, str(url), url.framing, both_families)


def is_group(url: OSCURL) -> bool:
    """Whether a URL is a multicast group's."""
    return url.scheme == "udp" and _is_group(url.host)


def share_a_port(listens: Sequence[Listen]) -> Iterator[str]:
    """What cannot listen, as something before it in the file has the port."""
    for first, later in combinations(listens, 2):
        if collide(first, later):
            yield (
                f"{later.where}.listen = '{later.shown}': {first.where} listens on "
                f"'{first.shown}' already; choose another port"
            )


def collide(one: Listen, other: Listen) -> bool:
    """Whether two cannot listen at once."""
    if one.transport != other.transport or one.at.port == 0 or one.at.port != other.at.port:
        return False
    host, another = _host(one.at.host), _host(other.at.host)
    if _is_group(host) and _is_group(another):
        return False  # several may listen to one group
    if host == another:
        return True
    for listen, mine, its in ((one, host, another), (other, another, host)):
        if mine == "::" and (":" in its or listen.both_families):
            return True
        if mine == "0.0.0.0" and ":" not in its:
            return True
    return False


def reaches(to: OSCURL, listen: Listen) -> bool:
    """Whether what is sent to ``to`` comes to a listener of this machine, for certain."""
    if to.port == 0 or (to.scheme[:3], to.port) != (listen.transport, listen.at.port):
        return False
    if listen.framing not in (to.framing, "auto"):
        return False
    host, at = _host(to.host), _host(listen.at.host)
    if _is_group(host):
        return False  # it depends on routers and interfaces
    if host == at:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and at == ("0.0.0.0" if address.version == 4 else "::")


def _host(host: str) -> str:
    """One way to write each address. The servers take IPv4 first for ``localhost``."""
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        return host


def _is_group(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_multicast
    except ValueError:
        return False
