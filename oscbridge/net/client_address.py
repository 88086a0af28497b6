"""The address of a client behind reverse proxies: ``X-Forwarded-For``. Pure.

Each proxy appends the address that its request came from, so only the entries that trusted
proxies wrote are reliable: the client is the rightmost address that is not a trusted proxy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from oscbridge.net.allowlist import AllowList

__all__ = ["client_address"]

MAX_PROXIES: Final = 32
"""Entries of ``X-Forwarded-For`` that are read, from the right."""

_ENTRY: Final = re.compile(r"\[(?P<v6>[0-9a-fA-F:.%\w]+)\](?::\d+)?|(?P<v4>[\d.]+)(?::\d+)?")


def client_address(peer: str, headers: Sequence[str], trusted: AllowList) -> str:
    """The address that limits and allow lists apply to.

    ``peer`` is the address that the connection came from, ``headers`` are the values of
    ``X-Forwarded-For`` in order. Without an entry of a trusted proxy it is ``peer``; an entry that
    is not an address ends the search, at the proxy that wrote it.
    """
    found = peer
    entries = ",".join(headers).split(",") if headers else []
    for entry in entries[: -MAX_PROXIES - 1 : -1]:
        if found not in trusted:
            break
        address = _address_in(entry.strip().strip('"'))
        if address is None:
            break
        found = address
    return found


def _address_in(entry: str) -> str | None:
    """The address in an entry, which may have a port; None if there is none."""
    match = _ENTRY.fullmatch(entry)
    text = entry if match is None else match["v6"] or match["v4"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = None if isinstance(address, ipaddress.IPv4Address) else address.ipv4_mapped
    return str(address if mapped is None else mapped)
