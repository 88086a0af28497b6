"""The address space of an endpoint under check: nothing is known."""

from __future__ import annotations

from collections.abc import Iterable

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.kept_values import KeptValues

__all__ = ["CheckedAddresses"]


class CheckedAddresses:
    """Has no addresses, and takes those of the peer."""

    def __init__(self) -> None:
        self._book = AddressBook()
        self._values = KeptValues()

    @property
    def visible(self) -> AddressBook:
        """No addresses."""
        return self._book

    @property
    def known(self) -> AddressBook:
        """No addresses."""
        return self._book

    def contribute(self, infos: Iterable[AddressInfo]) -> None:
        """Take the addresses of the peer."""
        for _ in infos:
            pass

    def keep_values(self) -> KeptValues:
        """No values."""
        return self._values
