"""An announcement on all of its interfaces, under one name that nobody else has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from oscbridge.discovery.activity import DiscoveryActivity, ResponderPool
from oscbridge.discovery.interfaces import interfaces_for, is_in_own_network
from oscbridge.discovery.names import numbered_name
from oscbridge.discovery.services import ServiceAnnouncement

if TYPE_CHECKING:
    from oscbridge.discovery.interfaces import LocalInterface
    from oscbridge.discovery.responder import PublishedServices, Responder

__all__ = ["ServicePublisher"]

MAX_RENAMES: Final = 100
"""Names that are tried; with so many programs under one name, the last one is shared."""

OWN_NETWORK: Final = (
    "this container has its own network, which others cannot reach; run it with host networking, "
    "or set advertise"
)


class ServicePublisher(DiscoveryActivity):
    """Keeps an announcement where it belongs. ``on_change`` is called after changes."""

    def __init__(
        self, pool: ResponderPool, announcement: ServiceAnnouncement, on_change: Callable[[], None]
    ) -> None:
        super().__init__(pool, announcement.part)
        self.announcement = announcement
        self.name = announcement.name
        """The name now: ``Stage (2)`` if another program has ``Stage``."""
        self._on_change = on_change
        self._renames = 0
        self._is_isolated = False
        self._published: dict[Responder, PublishedServices] = {}

    @property
    def addresses(self) -> Sequence[str]:
        """The current announcements: one address for each interface."""
        return tuple(dict.fromkeys(self._address(each) for each in self._published))

    def _address(self, responder: Responder) -> str:
        return self.announcement.advertise or responder.interface.plain_address

    def choose(self, found: Sequence[LocalInterface]) -> Sequence[LocalInterface]:
        wanted = interfaces_for(self.announcement.listen, found)
        is_outside = any(not each.is_loopback for each in wanted)
        self._is_isolated = (
            is_outside and not self.announcement.advertise and is_in_own_network(found)
        )
        return () if self._is_isolated else wanted

    def look(self, found: Sequence[LocalInterface]) -> None:
        super().look(found)
        if self._has_lost:
            self.look_again()

    @property
    def _has_lost(self) -> bool:
        """Whether it has to leave its name to another program, and another name may be tried."""
        if self._renames >= MAX_RENAMES:
            return False
        return any(self._loses(each) for each in self._published.values())

    def _loses(self, published: PublishedServices) -> bool:
        """Whether another program has the name as well, and keeps it: the later in order.

        Both looked at the same time, or their networks were joined (RFC 6762, section 9).
        """
        rival = published.rival(self._pool.hosts)
        return rival is not None and rival > max(each.server for each in self._published)

    async def update(self) -> None:
        """Leave the name to another program that has it, too."""
        if self._has_lost:
            await self._rename()

    async def join(self, responder: Responder) -> None:
        types = tuple(self.announcement.services)
        while self._renames < MAX_RENAMES and await responder.is_taken(
            self.name, types, self._pool.hosts
        ):
            await self._rename()
        self._published[responder] = await responder.publish(
            self.name,
            self.announcement.services,
            self._address(responder),
            self.announcement.properties,
        )
        self.log.info("%sannounced as %r at %s", self._part, self.name, self._address(responder))
        self._on_change()

    async def _rename(self) -> None:
        """Use the next name, on all interfaces."""
        self._renames += 1
        before, self.name = self.name, numbered_name(self.announcement.name, self._renames + 1)
        self.log.warning(
            "%sthe name %r is taken in this network; trying %r", self._part, before, self.name
        )
        await self.leave_all()
        self.look_again()

    async def leave(self, responder: Responder) -> None:
        published = self._published.pop(responder, None)
        self._on_change()
        if published is not None:
            with contextlib.suppress(OSError):
                await published.withdraw()

    def why_idle(self) -> str:
        return OWN_NETWORK if self._is_isolated else ""

    def describe_problem(self, problem: str) -> str:
        return f"not announced: {problem}"
