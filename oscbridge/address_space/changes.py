"""Changes in a book of addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from oscbridge.address_space.info import AddressInfo

__all__ = ["AddressChange"]


class AddressChange(NamedTuple):
    """Addresses that are new, gone, or known with other facts, in the order of the book."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    @classmethod
    def between(cls, old: Mapping[str, AddressInfo], new: Mapping[str, AddressInfo]) -> Self:
        """The change from one book to another."""
        if old is new:
            return cls()
        added, changed = [], []
        for address, info in new.items():
            before = old.get(address)
            if before is None:
                added.append(address)
            elif before is not info and before != info:
                changed.append(address)
        removed = [address for address in old if address not in new]
        return cls(tuple(added), tuple(removed), tuple(changed))
