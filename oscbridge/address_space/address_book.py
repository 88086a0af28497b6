"""The addresses that something knows, with a search for the nearest one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final

from oscbridge.address_space.info import AddressInfo

__all__ = ["AddressBook"]

NEAR: Final = 0.8
"""Likeness from which an address may have been meant, 0 to 1."""

_PADDING: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")


class AddressBook(Mapping[str, AddressInfo]):
    """Known addresses with their facts. Immutable."""

    def __init__(self, infos: Iterable[AddressInfo] = ()) -> None:
        self._infos = {info.address: info for info in infos}

    def __getitem__(self, address: str) -> AddressInfo:
        return self._infos[address]

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)

    @cached_property
    def _unpadded(self) -> Mapping[str, str]:
        """Addresses by the same without leading zeros of numbers."""
        return {_PADDING.sub("", address): address for address in self._infos}

    def nearest(self, address: str) -> str:
        """The known address that is most like another one; empty if none is."""
        found = self._unpadded.get(_PADDING.sub("", address))
        if found is None:
            import difflib  # 5 ms that only a misspelt address needs

            found = next(iter(difflib.get_close_matches(address, self._infos, 1, NEAR)), "")
        return found
