"""What a client may do: listen, send, and to which addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import oscbridge

__all__ = ["ALL_RIGHTS", "AddressFilter", "ClientRights"]

MAX_CACHED: Final = 4_096
"""Addresses whose result is cached."""

MAX_CACHED_LENGTH: Final = 256
"""The length of an address that is cached, in characters."""


class AddressFilter:
    """A set of addresses, given as patterns like the ``match`` of a route."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        patterns = [oscbridge.Pattern(text, mapped=True) for text in self.texts]

        def find(address: str) -> bool:
            if oscbridge.is_pattern(address):
                return address in self.texts
            subject = oscbridge.Subject(address)
            return any(pattern.matches(subject) for pattern in patterns)

        self._find = find
        self._find_cached = lru_cache(MAX_CACHED)(find)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AddressFilter) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    @property
    def cached(self) -> int:
        """The number of addresses whose result is cached."""
        return self._find_cached.cache_info().currsize

    def matches(self, address: str) -> bool:
        """Whether the filter lets a message with this address pass.

        An address that is itself a pattern reaches other addresses, so it only passes if the
        filter contains exactly the same text.
        """
        if len(address) <= MAX_CACHED_LENGTH:
            return self._find_cached(address)
        return self._find(address)


@dataclass(frozen=True)
class ClientRights:
    """What a client may do."""

    listens: bool
    sends: bool
    addresses: AddressFilter | None
    """The addresses it may listen or send to; None means all."""

    @classmethod
    def of(
        cls, rights: Literal["listen", "send", "both"], addresses: Sequence[str]
    ) -> ClientRights:
        """From the values of the configuration."""
        return cls(
            listens=rights != "send",
            sends=rights != "listen",
            addresses=None if "*" in addresses else AddressFilter(addresses),
        )

    @property
    def sends_all(self) -> bool:
        """Whether it may send to any address."""
        return self.sends and self.addresses is None

    def may_send(self, address: str) -> bool:
        """Whether it may send a message with this address."""
        return self.sends and (self.addresses is None or self.addresses.matches(address))


ALL_RIGHTS: Final = ClientRights(listens=True, sends=True, addresses=None)
