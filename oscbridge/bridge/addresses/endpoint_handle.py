"""The address space as one endpoint uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from oscbridge.abilities import UsesAddresses
from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.changes import AddressChange
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.kept_values import KeptValues
from oscbridge.address_space.limits import admitted

__all__ = ["EndpointHandle", "HandledSpace"]


class HandledSpace(Protocol):
    """The address space, as its endpoints need it."""

    @property
    def known(self) -> AddressBook: ...

    def visible_to(self, endpoint: str, /) -> AddressBook: ...

    def keep_values(self, parts: Iterable[str] | None = None) -> KeptValues: ...

    def mirror(self, handle: EndpointHandle, /) -> None: ...


class EndpointHandle:
    """What an endpoint with :class:`UsesAddresses` gets (:class:`EndpointAddresses`)."""

    def __init__(self, space: HandledSpace, name: str) -> None:
        self.name = name
        self.mirrored: dict[str, AddressInfo] = {}
        """What the endpoint knows about its peer."""
        self.ignored: Counter[str] = Counter()
        self._space = space
        self._values: KeptValues | None = None
        self._last: AddressBook | None = None

    @property
    def is_used(self) -> bool:
        """Whether the endpoint has looked at its addresses."""
        return self._last is not None

    @property
    def visible(self) -> AddressBook:
        book = self._space.visible_to(self.name)
        if self._last is None:
            self._last = book
        return book

    @property
    def known(self) -> AddressBook:
        return self._space.known

    def contribute(self, infos: Iterable[AddressInfo]) -> None:
        self.ignored = Counter()
        origin = f"mirrored {self.name}"
        named = (info if info.origin else replace(info, origin=origin) for info in infos)
        self.mirrored = admitted(named, self.ignored)
        self._space.mirror(self)

    def keep_values(self) -> KeptValues:
        if self._values is None:
            self._values = self._space.keep_values((self.name,))
        return self._values

    def close(self) -> None:
        """Keep no more values: the endpoint has been removed."""
        if self._values is not None:
            self._values.close()

    def notify(self, endpoint: UsesAddresses) -> None:
        """Notify the endpoint of changes since the last time. Raises what it raises."""
        before = self._last
        if before is not None:
            self._last = self._space.visible_to(self.name)
            if change := AddressChange.between(before, self._last):
                endpoint.on_addresses_changed(change)
