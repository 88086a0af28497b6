"""Books of addresses that are merged from layers, each of which can change by itself."""

from __future__ import annotations

from collections import Counter
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

    The layers are ordered by their keys. ``ignored`` counts addresses above the limit of the
    book. The mapping of a layer is not copied.
    """

    def __init__(self, combine: Combine[KeyT], ignored: Counter[str]) -> None:
        self._combine = combine
        self._ignored = ignored
        self._layers: dict[KeyT, Mapping[str, AddressInfo]] = {}
        self._order: list[KeyT] = []
        self._merged: dict[str, AddressInfo] = {}
        self._refused: set[str] = set()
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
        self._order = sorted(self._layers)
        if changed is not None:
            self.refresh(changed)
        else:
            self.refresh(a for a, info in before.items() if infos.get(a) is not info)
            self.refresh(a for a, info in infos.items() if before.get(a) is not info)

    def refresh(self, addresses: Iterable[str]) -> None:
        """Merge addresses again, whose descriptions have changed in any layer."""
        layers = [(key, self._layers[key]) for key in self._order]
        merged, has_changed = self._merged, False
        for address in addresses:
            found = [(key, layer[address]) for key, layer in layers if address in layer]
            if not found:
                has_changed |= merged.pop(address, None) is not None
                self._refused.discard(address)
                continue
            if address not in merged and len(merged) >= MAX_NODES:
                self._refuse(address)
                continue
            merged[address] = self._combine(found)
            has_changed = True
        if has_changed:
            self._book = None

    def _refuse(self, address: str) -> None:
        if address not in self._refused:
            self._ignored["nodes"] += 1
            if len(self._refused) < MAX_NODES:
                self._refused.add(address)

    @property
    def book(self) -> AddressBook:
        """All addresses, the same object until something changes."""
        if self._book is None:
            self._book = AddressBook.of(dict(self._merged))
        return self._book
