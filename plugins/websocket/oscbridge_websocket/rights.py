"""What a client may do: listen, send, and with which addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import oscbridge

__all__ = ["EVERYTHING", "Addresses", "Rights"]

MAX_REMEMBERED: Final = 4_096
"""Addresses of which it is remembered whether they are allowed."""

MAX_LENGTH: Final = 256
"""Characters of an address that is remembered."""


class Addresses:
    """Some addresses, given by patterns as a route's ``match`` has them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)
        self._patterns = [oscbridge.Pattern(text, mapped=True) for text in self.texts]
        self._known: dict[str, bool] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Addresses) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash(self.texts)

    def has(self, address: str) -> bool:
        """Whether a message with this address is among them.

        An address that is a pattern itself stands for others: it is not among them unless
        it is written just so.
        """
        known = self._known.get(address)
        if known is None:
            known = self._find(address)
            if len(address) <= MAX_LENGTH:
                if len(self._known) >= MAX_REMEMBERED:
                    self._known.clear()
                self._known[address] = known
        return known

    def _find(self, address: str) -> bool:
        if oscbridge.is_pattern(address):
            return address in self.texts
        subject = oscbridge.Subject(address)
        return any(pattern.matches(subject) for pattern in self._patterns)


@dataclass(frozen=True)
class Rights:
    """What a client may do."""

    listens: bool
    sends: bool
    addresses: Addresses | None
    """The addresses that it may do that with; None is all."""

    @classmethod
    def of(cls, rights: Literal["listen", "send", "both"], addresses: Sequence[str]) -> Rights:
        """As the configuration says them."""
        return cls(
            listens=rights != "send",
            sends=rights != "listen",
            addresses=None if "*" in addresses else Addresses(addresses),
        )

    @property
    def sends_all(self) -> bool:
        """Whether it may send anything."""
        return self.sends and self.addresses is None

    def may_send(self, address: str) -> bool:
        """Whether it may send a message with this address."""
        return self.sends and (self.addresses is None or self.addresses.has(address))


EVERYTHING: Final = Rights(listens=True, sends=True, addresses=None)
