"""Announced and found services."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oscbridge.discovery.interfaces import LocalInterface
from oscbridge.discovery.names import check_service_name

__all__ = [
    "MAX_PROPERTIES",
    "MAX_PROPERTY",
    "DiscoveredService",
    "ServiceAnnouncement",
    "reachable_host",
    "split_advertised",
]

MAX_PROPERTIES: Final = 32
MAX_PROPERTY: Final = 255
"""Entries of a TXT record, and bytes of one."""


@dataclass(frozen=True)
class ServiceAnnouncement:
    """A program, and its services in the local network."""

    name: str
    """The instance name that other programs show; another one is used if it is taken."""
    services: Mapping[str, int]
    """The ports by the types of the services, without domain: ``{"_osc._udp": 9000}``."""
    listen: str = "0.0.0.0"
    """The host that the program listens on: it is announced where it can be reached."""
    advertise: str = ""
    """The IPv4 address to state, in place of that of the interface."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """The entries of the TXT record."""
    part: str = ""
    """The part of the configuration that log lines name: ``bridge.stage``."""

    def __post_init__(self) -> None:
        check_service_name(self.name)
        sizes = [len(f"{key}={text}".encode()) for key, text in self.properties.items()]
        if len(sizes) > MAX_PROPERTIES or any(size > MAX_PROPERTY for size in sizes):
            text = f"at most {MAX_PROPERTIES} properties of {MAX_PROPERTY} bytes are possible"
            raise ValueError(text)


class DiscoveredService(NamedTuple):
    """A service that another program announces."""

    type: str
    """Without domain: ``_osc._udp``."""
    name: str
    """The instance name."""
    host: str
    """The address by which it can be reached."""
    port: int
    server: str
    """The name of its host: ``ipad.local``."""
    properties: Mapping[str, str]
    """The entries of its TXT record."""
    interface: str
    """The local address of the interface where it was found."""

    @property
    def place(self) -> str:
        """Where it is: ``192.168.1.5:9000``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split_advertised(text: str) -> tuple[str, int | None]:
    """The IPv4 address and the port of ``192.168.1.5`` or ``192.168.1.5:9000``.

    Raises ``ValueError`` for an address that others cannot reach.
    """
    host, colon, digits = text.partition(":")
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        raise ValueError("expected an IPv4 address, e.g. 192.168.1.5 or 192.168.1.5:9000") from None
    if address.is_unspecified or address.is_multicast or address.is_loopback:
        raise ValueError("expected the address by which others reach this machine")
    if not colon:
        return host, None
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= 5
    if not (is_number and 0 < int(digits) < 65_536):
        raise ValueError("the port must be between 1 and 65535")
    return host, int(digits)


def reachable_host(addresses: Sequence[str], interface: LocalInterface) -> str:
    """The address of a service that can be reached over an interface; empty if none can.

    Of the family of the interface, in its network if possible. A loopback address means this
    machine: it is accepted from programs on this machine only.
    """
    found = [each for each in map(_parsed, addresses) if each is not None]
    usable = [each for each in found if _is_usable(each, interface)]
    network = interface.network
    usable.sort(key=lambda each: (each.version != network.version, each not in network))
    return str(usable[0]) if usable else ""


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _is_usable(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, interface: LocalInterface
) -> bool:
    if address.is_unspecified or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return False
        if address.is_link_local and not address.scope_id:
            return False
    return interface.is_loopback or not address.is_loopback
