"""The address space as one endpoint uses it."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice
from typing import Final, Protocol

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.changes import AddressChange
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.kept_values import KeptValues
from oscbridge.address_space.limits import MAX_READ
from oscbridge.bridge.daemon_thread import in_daemon_thread

__all__ = ["MAX_AT_ONCE", "EndpointHandle", "HandledSpace", "change_between"]

MAX_AT_ONCE: Final = 1_000
"""Addresses that are looked at without giving the event loop to others, which takes 10 to 50 ms."""


class HandledSpace(Protocol):
    """The address space, as its endpoints need it."""

    @property
    def known(self) -> AddressBook: ...

    def visible_to(self, endpoint: str, /) -> AddressBook: ...

    def keep_values(self, parts: Iterable[str] | None = None) -> KeptValues: ...

    def prepare(self, *endpoints: str) -> Awaitable[None]: ...

    def mirror(self, handle: EndpointHandle, /) -> None: ...


class EndpointHandle:
    """What an endpoint with :class:`UsesAddresses` gets (:class:`EndpointAddresses`)."""

    def __init__(self, space: HandledSpace, name: str) -> None:
        self.name = name
        self.mirrored: Sequence[AddressInfo] = ()
        """What the endpoint knows about its peer."""
        self._space = space
        self._values: KeptValues | None = None
        self._last: AddressBook | None = None
        self.is_used = False
        """Whether the endpoint has looked at its addresses, or is about to."""

    async def prepare(self) -> None:
        self.is_used = True
        await self._space.prepare(self.name)

    @property
    def visible(self) -> AddressBook:
        book = self._space.visible_to(self.name)
        if self._last is None:
            self._last, self.is_used = book, True
        return book

    @property
    def known(self) -> AddressBook:
        return self._space.known

    def contribute(self, infos: Iterable[AddressInfo]) -> None:
        self.mirrored = tuple(islice(infos, MAX_READ))
        self._space.mirror(self)

    def keep_values(self) -> KeptValues:
        if self._values is None:
            self._values = self._space.keep_values((self.name,))
        return self._values

    def close(self) -> None:
        """Keep no more values: the endpoint has been removed."""
        if self._values is not None:
            self._values.close()

    async def take_change(self) -> AddressChange:
        """The change since the last time; none while the endpoint has not looked."""
        before = self._last
        if before is None:
            return AddressChange()
        self._last = self._space.visible_to(self.name)
        return await change_between(before, self._last)


async def change_between(old: AddressBook, new: AddressBook) -> AddressChange:
    """The change from one book to another; of large ones it is found on a thread."""
    if old is new or len(old) + len(new) <= MAX_AT_ONCE:
        return AddressChange.between(old, new)
    return await in_daemon_thread(lambda: AddressChange.between(old, new), "changed addresses")
