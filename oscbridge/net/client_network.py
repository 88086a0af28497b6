"""The network that a client's address counts for, where clients are limited or slowed down."""

from __future__ import annotations

import ipaddress

__all__ = ["network_of"]


def network_of(host: str) -> str:
    """The network that an address counts for: the IPv4 address, or the /64 of an IPv6 address.

    A household gets at least a /64, so one machine can use every address in it.
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, 64), strict=False))
