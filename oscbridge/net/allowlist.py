"""Allow lists of networks and addresses: ``10.0.0.0/8``, ``192.168.1.20``, ``::1``.

Pure. The cost of a look-up does not depend on the number of networks, and results are cached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from oscbridge.net.host_name import check_host

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from pydantic_core import CoreSchema

    _Address: TypeAlias = IPv4Address | IPv6Address
    _Network: TypeAlias = IPv4Network | IPv6Network

__all__ = ["MAX_HOSTS", "MAX_NETWORKS", "AllowList"]

MAX_NETWORKS: Final = 1_000
"""Networks of one list."""

MAX_HOSTS: Final = 4_096
"""Hosts whose result is cached. A full cache is cleared."""


class AllowList:
    """A set of networks and single addresses. An empty one contains no host.

    ``host in allow_list`` takes an address as a socket returns it. An IPv4 address in IPv6 form
    (``::ffff:10.0.0.1``) counts as IPv4, and a scope (``fe80::1%eth0``) is ignored. A text that
    is not an address is in no network. Raises ``ValueError``, with a suggestion, for an invalid
    network.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        texts = tuple(networks)
        if len(texts) > MAX_NETWORKS:
            raise ValueError(f"expected at most {MAX_NETWORKS} networks, got {len(texts)}")
        self._networks: Final = tuple(dict.fromkeys(map(_parse, texts)))
        self._hosts: Final = _HostCache(self._networks)

    def __contains__(self, host: str) -> bool:
        return self._hosts[host]

    def __iter__(self) -> Iterator[str]:
        """Each as text, with its prefix: ``10.0.0.0/8``, ``::1/128``."""
        return map(str, self._networks)

    def __len__(self) -> int:
        return len(self._networks)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AllowList) and set(self) == set(other)

    def __hash__(self) -> int:
        return hash(frozenset(self))

    def __repr__(self) -> str:
        return f"AllowList({list(self)})"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> CoreSchema:
        from pydantic_core import core_schema  # only for options, not for every server

        def validate(value: object) -> AllowList:
            if isinstance(value, AllowList):
                return value
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
                raise ValueError('expected a list of networks: ["10.0.0.0/8", "192.168.1.20"]')
            return cls(value)

        return core_schema.no_info_plain_validator_function(
            validate,
            json_schema_input_schema=core_schema.list_schema(
                core_schema.str_schema(), max_length=MAX_NETWORKS
            ),
        )


class _HostCache(dict[str, bool]):
    """Whether a host is in one of the networks. Missing hosts are looked up."""

    def __init__(self, networks: Iterable[_Network]) -> None:
        super().__init__()
        # By IP version and length of the prefix: at most 33 or 129 look-ups, for any number.
        self._prefixes: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            found = self._prefixes.setdefault((network.version, shift), set())
            found.add(int(network.network_address) >> shift)

    def __missing__(self, host: str) -> bool:
        if len(self) >= MAX_HOSTS:
            self.clear()
        found = self[host] = self._look_up(host)
        return found

    def _look_up(self, host: str) -> bool:
        address = _address(host)
        if address is None:
            return False
        number = int(address)
        return any(
            version == address.version and number >> shift in prefixes
            for (version, shift), prefixes in self._prefixes.items()
        )


def _address(host: str) -> _Address | None:
    from ipaddress import ip_address  # only where there is a list: slow to import

    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = None if address.version == 4 else address.ipv4_mapped
    return address if mapped is None else mapped


def _parse(text: str) -> _Network:
    """Raises ``ValueError`` with a suggestion."""
    from ipaddress import ip_network

    if "%" in text:
        plain = text.partition("%")[0]
        raise ValueError(f"{text!r}: an interface cannot be given; did you mean {plain!r}?")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        if re.fullmatch(r"[0-9]+(\.[^./]+){3}(/.*)?|.*[$<>{}].*", text):
            check_host(text.partition("/")[0])  # names the fix
        hint = "write it as 10.0.0.0/8, 192.168.1.20 or ::1"
        raise ValueError(f"{text!r} is not a network or an address; {hint}") from None
    address = text.partition("/")[0]
    if network.version == 6 and (mapped := network.network_address.ipv4_mapped) is not None:
        length = network.prefixlen - 96
        suggestion = f"{mapped}/{length}" if 0 <= length < 32 else str(mapped)
        raise ValueError(f"{text!r}: write IPv4 without ::ffff; did you mean {suggestion!r}?")
    if _address(address) != network.network_address:
        raise ValueError(
            f"{text!r} is not a network, as it has bits set after its prefix; "
            f"did you mean {str(network)!r}, or {address!r} alone?"
        )
    return network
