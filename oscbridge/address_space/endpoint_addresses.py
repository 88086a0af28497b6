"""What an endpoint sees of the address space."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.info import AddressInfo
from oscbridge.address_space.kept_values import KeptValues

__all__ = ["EndpointAddresses"]


class EndpointAddresses(Protocol):
    """The address space as one endpoint sees it. On the event loop."""

    async def prepare(self) -> None:
        """Compute the known addresses without blocking the event loop.

        To be awaited in ``connect`` before the first look at :attr:`visible` or :attr:`known`.
        """

    @property
    def visible(self) -> AddressBook:
        """The addresses that its clients may send to it, and those that it is sent.

        ``Access.WRITE`` are those that a route from it leads on, ``Access.READ`` those that a
        route leads to it. The same object until something changes. A change of thousands of
        addresses takes a second to appear; then ``on_addresses_changed`` is called.
        """

    @property
    def known(self) -> AddressBook:
        """All addresses that are known to the bridge."""

    def contribute(self, infos: Iterable[AddressInfo]) -> None:
        """Replace what it knows about the addresses of its peer; nothing withdraws them.

        ``Access.READ`` are addresses that the peer sends or answers, ``Access.WRITE`` those that
        can be set there. They stay known while it is not connected, until it is removed.
        """

    def keep_values(self) -> KeptValues:
        """The last values of the addresses that pass this endpoint, kept from the first call on."""
