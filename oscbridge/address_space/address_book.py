"""The addresses that something knows, as a list and as a tree. Immutable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Final, Protocol, Self

from oscbridge.address_space.address_tree import AddressNode, tree_of
from oscbridge.address_space.info import Access, AddressInfo
from oscbridge.osc.pattern import Pattern, Subjects
from oscbridge.suggestions import nearest

__all__ = ["AddressBook", "AddressRights"]

NEAR: Final = 0.8
"""Likeness from which an address may have been meant, 0 to 1."""

MAX_FILTERED: Final = 16
"""Books for clients with different rights that one book keeps."""

_PADDING: Final = re.compile(r"(?<![0-9])0+(?=[0-9])")


class AddressSelector(Protocol):
    """A set of addresses."""

    def select(self, subjects: Subjects) -> Iterable[str]:
        """Those of the addresses that are in the set, in order."""


class AddressRights(Protocol):
    """What a client may do, as :class:`oscbridge.AccessRights` has it. Hashable."""

    @property
    def listens(self) -> bool:
        """Whether it may receive messages."""

    @property
    def sends(self) -> bool:
        """Whether it may send messages."""

    @property
    def addresses(self) -> AddressSelector | None:
        """The addresses that it may listen or send to; None means all."""


class AddressBook(Mapping[str, AddressInfo]):
    """Known addresses with their facts. Immutable."""

    def __init__(self, infos: Iterable[AddressInfo] = ()) -> None:
        self._infos = {info.address: info for info in infos}
        self._filtered: dict[AddressRights, AddressBook] = {}

    @classmethod
    def of(cls, infos: dict[str, AddressInfo]) -> Self:
        """A book of these facts by their addresses; the dictionary must not change any more."""
        book = cls()
        book._infos = infos
        return book

    def __getitem__(self, address: str) -> AddressInfo:
        return self._infos[address]

    def __contains__(self, address: object) -> bool:
        return address in self._infos

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)

    def __repr__(self) -> str:
        return f"<book of {len(self)} addresses>"

    @cached_property
    def tree(self) -> AddressNode:
        """The root, whose path is ``/``."""
        return tree_of(self._infos.values())

    def node(self, path: str) -> AddressNode | None:
        """The node with this path, also of a container; None if there is none."""
        return self.tree.find(path)

    @cached_property
    def subjects(self) -> Subjects:
        """All addresses, prepared for matching."""
        return Subjects(self._infos)

    def matching(self, pattern: str) -> list[str]:
        """The addresses that a pattern like the ``match`` of a route matches, in order.

        Raises :class:`PatternError`.
        """
        return Pattern(pattern, mapped=True).find(self.subjects)

    def has_tree(self, rights: AddressRights) -> bool:
        """Whether the tree of what a client may listen to is known already; else it takes long."""
        book = self if _are_all(rights) else self._filtered.get(rights)
        return book is not None and "tree" in vars(book)

    def filtered(self, rights: AddressRights) -> AddressBook:
        """The addresses that a client may listen to; it may write none without the right to send.

        The result is kept as long as this book.
        """
        if _are_all(rights):
            return self
        found = self._filtered.get(rights)
        if found is None:
            if len(self._filtered) >= MAX_FILTERED:
                self._filtered.clear()
            found = self._filtered[rights] = AddressBook.of(self._allowed(rights))
        return found

    def _allowed(self, rights: AddressRights) -> dict[str, AddressInfo]:
        if not rights.listens:
            return {}
        infos = self._infos
        if rights.addresses is not None:
            infos = {each: infos[each] for each in rights.addresses.select(self.subjects)}
        if rights.sends:
            return infos
        return {
            address: replace(info, access=info.access & Access.READ)
            if info.access & Access.WRITE
            else info
            for address, info in infos.items()
        }

    @cached_property
    def _unpadded(self) -> Mapping[str, str]:
        """Addresses by the same without leading zeros of numbers."""
        return {_PADDING.sub("", address): address for address in self._infos}

    def nearest(self, address: str) -> str:
        """The known address that is most like another one; empty if none is."""
        found = self._unpadded.get(_PADDING.sub("", address))
        return nearest(address, self._infos, NEAR) if found is None else found


def _are_all(rights: AddressRights) -> bool:
    return rights.listens and rights.sends and rights.addresses is None
