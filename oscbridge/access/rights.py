"""What a client may do: listen, send, configure; and with which addresses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from oscbridge.osc.pattern import Pattern, Subject, Subjects, is_pattern

__all__ = ["DEFAULT_RIGHTS", "EVERY_RIGHT", "AccessRights", "AddressFilter", "Right"]

Right: TypeAlias = Literal["listen", "send", "configure"]
"""Something that a token allows."""

MAX_CACHED: Final = 4_096
"""Addresses whose result is cached."""

MAX_CACHED_LENGTH: Final = 256
"""The length of an address that is cached, in characters."""


class AddressFilter:
    """A set of addresses, given as patterns like the ``match`` of a route."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self._patterns = patterns = [Pattern(text, mapped=True) for text in self.texts]

        def find(address: str) -> bool:
            if is_pattern(address):
                return address in self.texts
            subject = Subject(address)
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

    def select(self, subjects: Subjects) -> list[str]:
        """Those of the addresses that the filter lets pass, in order. None may be a pattern."""
        found = {each for pattern in self._patterns for each in pattern.find(subjects)}
        return [address for address in subjects.addresses if address in found]

    def matches(self, address: str) -> bool:
        """Whether the filter lets a message with this address pass.

        An address that is itself a pattern reaches other addresses, so it only passes if the
        filter contains exactly the same text.
        """
        if len(address) <= MAX_CACHED_LENGTH:
            return self._find_cached(address)
        return self._find(address)


@dataclass(frozen=True)
class AccessRights:
    """What a client may do."""

    rights: frozenset[Right]
    addresses: AddressFilter | None = None
    """The addresses it may listen or send to; None means all."""
    # Not properties, as they are read for every message.
    listens: bool = field(init=False, repr=False, compare=False)
    """Whether it may receive messages."""
    sends: bool = field(init=False, repr=False, compare=False)
    """Whether it may send messages."""
    sends_all: bool = field(init=False, repr=False, compare=False)
    """Whether it may send to any address."""
    configures: bool = field(init=False, repr=False, compare=False)
    """Whether it may change the configuration. No other right implies it."""

    def __post_init__(self) -> None:
        found = {
            "listens": "listen" in self.rights,
            "sends": "send" in self.rights,
            "sends_all": "send" in self.rights and self.addresses is None,
            "configures": "configure" in self.rights,
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)  # it is frozen

    @classmethod
    def of(cls, rights: Iterable[Right], addresses: Sequence[str] = ("*",)) -> AccessRights:
        """From the values of the configuration."""
        return cls(frozenset(rights), None if "*" in addresses else AddressFilter(addresses))

    def may_listen(self, address: str) -> bool:
        """Whether it may receive a message with this address."""
        return self.listens and (self.addresses is None or self.addresses.matches(address))

    def may_send(self, address: str) -> bool:
        """Whether it may send a message with this address."""
        return self.sends and (self.addresses is None or self.addresses.matches(address))


DEFAULT_RIGHTS: Final[tuple[Right, ...]] = ("listen", "send")
"""The rights of a token that names none, and of clients where no token is asked for."""

EVERY_RIGHT: Final = AccessRights.of(("listen", "send", "configure"))
"""All that a client can do."""
