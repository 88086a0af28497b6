"""Facts about OSC addresses: types, ranges, access and meaning. Pure."""

from __future__ import annotations

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import Access, AddressInfo, ValueRange

__all__ = ["Access", "AddressBook", "AddressInfo", "ValueRange"]
