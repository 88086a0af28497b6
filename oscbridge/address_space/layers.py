"""Books of addresses that are merged from layers, each of which can change by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Generic, Protocol, Self, TypeVar

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.limits import MAX_NODES

__all__ = ["AddressLayers", "Combine"]


class _Comparable(Protocol):
    def __lt__(self, other: Self, /) -> bool: ...


KeyT = TypeVar("KeyT", bound=_Comparable)

Combine = Callable[[Sequence[tuple[KeyT, AddressInfo]]], AddressInfo]
"""Makes one description of those that the layers have of an address, in their order."""

NO_INFOS: Final[Mapping[str, AddressInfo]] = {}


class AddressLayers(Generic[KeyT]):
    """Descriptions of addresses in layers, and a book of all of them.

    The layers are ordered by their keys. The mapping of a layer is not copied.
    """

    def __init__(self, combine: Combine[KeyT]) -> None:
        self._combine = combine
        self._layers: dict[KeyT, Mapping[str, AddressInfo]] = {}
        self._stale: dict[str, None] = {}
        """Addresses to merge again."""
        self._merged: dict[str, AddressInfo] = {}
        self._left_out: set[str] = set()
        """Addresses above the limit of the book."""
        self._book: AddressBook | None = AddressBook()

    def replace(
        self,
        key: KeyT,
        infos: Mapping[str, AddressInfo],
        changed: Iterable[str] | None = None,
    ) -> None:
        """Replace a layer; without addresses, remove it.

        ``changed`` are the addresses that differ, if the caller knows them: the mapping may be
        the same one as before.
        """
        before = self._layers.get(key, NO_INFOS)
        if infos:
            self._layers[key] = infos
        else:
            self._layers.pop(key, None)
        if changed is not None:
            self._stale.update(dict.fromkeys(changed))
            return
        gone = [address for address in before if address not in infos]
        new = [address for address, info in infos.items() if before.get(address) is not info]
        self._stale.update(dict.fromkeys(gone + new))

    @property
    def book(self) -> AddressBook:
        """All addresses, the same object until something changes."""
        self._refresh()
        if self._book is None:
            self._book = AddressBook.of(dict(self._merged))
        return self._book

    @property
    def left_out(self) -> int:
        """The number of addresses that are not in the book, as there are too many."""
        self._refresh()
        return len(self._left_out)

    def _refresh(self) -> None:
        """Merge the addresses again whose descriptions have changed in any layer."""
        if self._stale:
            stale, self._stale = self._stale, {}
            self._merge(stale)
            if self._left_out and len(self._merged) < MAX_NODES:
                self._merge(list(self._left_out))

    def _merge(self, addresses: Iterable[str]) -> None:
        layers = [(key, self._layers[key]) for key in sorted(self._layers)]
        merged, has_changed = self._merged, False
        for address in addresses:
            found = [
                (key, info) for key, layer in layers if (info := layer.get(address)) is not None
            ]
            if not found:
                has_changed |= merged.pop(address, None) is not None
                self._left_out.discard(address)
                continue
            if address not in merged and len(merged) >= MAX_NODES:
                self._left_out.add(address)
                continue
            self._left_out.discard(address)
            merged[address] = self._combine(found)
            has_changed = True
        if has_changed:
            self._book = None
