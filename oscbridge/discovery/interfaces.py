"""The interfaces of this machine, and where a service is announced."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from oscbridge.net.any_host import is_any_host

__all__ = [
    "MAX_INTERFACES",
    "LocalInterface",
    "interfaces_for",
    "is_in_own_network",
    "list_interfaces",
    "one_per_network",
]

MAX_INTERFACES: Final = 16
"""Interfaces that are used at the same time, those of the default route first."""

_ALL_IPV4: Final = "0.0.0.0"
_CONTAINER_FILES: Final = ("/.dockerenv", "/run/.containerenv")
_PROBED: Final = ("192.0.2.1", 9)
"""An address for documentation (RFC 5737): which interface would packets take that leave?"""


class LocalInterface(NamedTuple):
    """An address of this machine."""

    address: str
    """A link-local IPv6 address with its scope: ``fe80::1%eth0``."""
    prefix: int
    """Bits of its network."""
    name: str
    """The name of the interface, e.g. ``eth0``."""

    @property
    def device(self) -> str:
        """The name without that of one of its addresses: ``eth0`` of ``eth0:1``."""
        return self.name.partition(":")[0]

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address

    @property
    def plain_address(self) -> str:
        """The address without its scope, which has a meaning on this machine only."""
        return self.address.partition("%")[0]

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The addresses that are reached over it without a router."""
        return ipaddress.ip_network((self.plain_address, self.prefix), strict=False)

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.plain_address).is_loopback


def list_interfaces() -> list[LocalInterface]:
    """The addresses of interfaces that are up: IPv4 and that of the default route first.

    Without ``::1``: programs on this machine find each other by 127.0.0.1.
    """
    import ifaddr

    found = [
        LocalInterface(_text(ip.ip, adapter.name), ip.network_prefix, adapter.nice_name)
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if _is_up(adapter.name) and not (ip.is_IPv6 and ip.ip[0] == "::1")
    ]
    first = _default_address()
    found.sort(
        key=lambda each: (
            each.is_ipv6,
            each.address != first,
            "%" in each.address,
            each.is_loopback,
        )
    )
    return found[:MAX_INTERFACES]


def _text(address: str | tuple[str, int, int], interface: str) -> str:
    if isinstance(address, str):
        return address
    text, _, scope = address
    return f"{text}%{interface if sys.platform != 'win32' else scope}" if scope else text


def interfaces_for(listen: str, found: Sequence[LocalInterface]) -> list[LocalInterface]:
    """Where a program that listens on a host is reached: the interfaces to announce it on.

    For all addresses these are all but loopback: the first of several in one network, and those
    of IPv6 only without IPv4. Otherwise it is that of the address, which may be loopback.
    """
    if is_any_host(listen) or listen in (_ALL_IPV4, ""):
        outside = [each for each in found if not each.is_loopback]
        if listen == _ALL_IPV4:
            outside = [each for each in outside if not each.is_ipv6]
        return one_per_network(outside)
    host = "127.0.0.1" if listen == "localhost" else _normal(listen)
    return [each for each in found if each.address == host][:1]


def _normal(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def one_per_network(found: Sequence[LocalInterface]) -> list[LocalInterface]:
    """The first address of each network, and of each interface: others would be heard twice."""
    chosen: list[LocalInterface] = []
    for each in found:
        name = each.device
        if all(name != other.device and each.network != other.network for other in chosen):
            chosen.append(each)
    return chosen


def is_in_own_network(found: Sequence[LocalInterface]) -> bool:
    """Whether this is a container with a network that others cannot reach: not that of its host.

    Then all its interfaces are one end of a pair whose other end is outside.
    """
    names = {each.device for each in found if not each.is_loopback}
    return bool(names) and _is_container() and all(map(_is_one_of_a_pair, names))


def _is_container() -> bool:
    if sys.platform != "linux" or not any(Path(each).exists() for each in _CONTAINER_FILES):
        return False
    try:
        # The container may have made a network namespace inside of it.
        return Path("/proc/self/ns/net").readlink() == Path("/proc/1/ns/net").readlink()
    except OSError:
        return True


def _is_one_of_a_pair(name: str) -> bool:
    """Whether an interface is a veth; a macvlan, which others do reach, says what it is."""
    folder = Path("/sys/class/net") / name
    try:
        index, other = ((folder / each).read_text().strip() for each in ("ifindex", "iflink"))
        return index != other and "DEVTYPE" not in (folder / "uevent").read_text()
    except OSError:
        return False


def _is_up(name: str) -> bool:
    """Whether an interface is up, and has its cable plugged in. Elsewhere it has no address."""
    if sys.platform != "linux":
        return True
    folder = Path("/sys/class/net") / name.partition(":")[0]
    try:
        return bool(int((folder / "flags").read_text(), 16) & 1) and (
            (folder / "operstate").read_text().strip() not in ("down", "lowerlayerdown")
        )
    except (OSError, ValueError):
        return not os.access(folder.parent, os.R_OK)  # no /sys: ask no more


def _default_address() -> str:
    """The local address of packets to other networks. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_PROBED)
        except OSError:
            return ""
        return str(probe.getsockname()[0])
