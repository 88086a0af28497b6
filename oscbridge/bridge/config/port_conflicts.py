"""Listeners: which cannot share a port, and which receive what the bridge itself sends."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.problem import ConfigProblem
from oscbridge.contract.options import Options
from oscbridge.net.any_host import is_any_host
from oscbridge.net.url import OSCURL, HostPort

__all__ = [
    "Listen",
    "collide",
    "is_group",
    "listen_of_bridge",
    "listen_of_endpoint",
    "listens_of_endpoint",
    "port_conflicts",
    "reaches",
]


class Listen(NamedTuple):
    """Something that listens."""

    where: str
    """Its path in the configuration: ``bridge.stage``."""
    transport: str
    """``udp`` or ``tcp``."""
    at: HostPort
    shown: str
    """The value in the configuration."""
    framing: str = ""

    @property
    def name(self) -> str:
        """The name of the bridge or endpoint."""
        return self.where.partition(".")[2]


def listen_of_bridge(name: str, bridge: BridgeOptions) -> Listen:
    """Where a bridge listens."""
    return _listen_of_url(f"bridge.{name}", bridge.listen)


def listen_of_endpoint(name: str, options: Options) -> Listen | None:
    """Where an endpoint listens, if it has the key ``listen``."""
    where, listen = f"endpoint.{name}", getattr(options, "listen", None)
    if isinstance(listen, OSCURL):
        return _listen_of_url(where, listen)
    if not isinstance(listen, HostPort):
        return None
    scheme = str(getattr(getattr(options, "to", None), "scheme", "tcp"))
    transport = "udp" if scheme == "osc" else scheme[:3]
    return Listen(where, transport, listen, str(listen))


def listens_of_endpoint(name: str, options: Options) -> Iterator[Listen]:
    """All addresses where an endpoint listens."""
    if (listen := listen_of_endpoint(name, options)) is not None:
        yield listen
    found = options.udp_listen()
    for at in (found,) if isinstance(found, HostPort) else found or ():
        yield Listen(f"endpoint.{name}", "udp", at, f"udp://{at}")


def _listen_of_url(where: str, url: OSCURL) -> Listen:
    at = HostPort(url.host, url.port)
    return Listen(where, url.scheme[:3], at, str(url), url.framing)


def is_group(url: OSCURL) -> bool:
    """Whether a URL names a multicast group."""
    return url.scheme == "udp" and _is_group(url.host)


def port_conflicts(listens: Sequence[Listen]) -> Iterator[ConfigProblem]:
    """Listeners whose port is already taken by an earlier one in the file."""
    for first, later in combinations(listens, 2):
        if collide(first, later):
            text = f"{first.where} already listens on '{first.shown}'; choose another port"
            path = (*later.where.split("."), "listen")
            yield ConfigProblem(path, text, f"'{later.shown}'")


def collide(one: Listen, other: Listen) -> bool:
    """Whether two cannot listen at the same time."""
    if one.transport != other.transport or one.at.port == 0 or one.at.port != other.at.port:
        return False
    host, another = _host(one.at.host), _host(other.at.host)
    if _is_group(host) and _is_group(another):
        return False  # a group may have several listeners
    if host == another:
        return True
    for mine, its in ((host, another), (another, host)):
        if mine == "::" or (mine == "0.0.0.0" and ":" not in its):
            return True
    return False


def reaches(to: OSCURL, listen: Listen) -> bool:
    """Whether messages to ``to`` certainly reach ``listen``, a listener on this machine."""
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
    return address.is_loopback and (at == "::" or (at == "0.0.0.0" and address.version == 4))


def _host(host: str) -> str:
    """The canonical form of an address. The servers prefer IPv4 for ``localhost``."""
    if is_any_host(host):
        return "::"
    try:
        return str(ipaddress.ip_address("127.0.0.1" if host == "localhost" else host))
    except ValueError:
        return host


def _is_group(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_multicast
    except ValueError:
        return False
