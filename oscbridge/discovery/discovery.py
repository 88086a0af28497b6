"""The discovery of one program: its announcements, and the services that it looks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from oscbridge.discovery.requirement import require_discovery

if TYPE_CHECKING:  # imported when they are used
    from oscbridge.discovery.activity import DiscoveryActivity
    from oscbridge.discovery.follower import ServiceFollower
    from oscbridge.discovery.handles import AnnouncedService, ServiceBrowser
    from oscbridge.discovery.pool import InterfacePool
    from oscbridge.discovery.services import ServiceAnnouncement

__all__ = ["Discovery"]

_ActivityT = TypeVar("_ActivityT", bound="DiscoveryActivity")


class Discovery:
    """Announces, browses and follows services. All on one event loop; free until it is used.

    With ``interfaces``, only on these addresses of this machine.
    """

    def __init__(self, interfaces: Collection[str] = ()) -> None:
        self._interfaces = interfaces

    @cached_property
    def _pool(self) -> InterfacePool:
        from oscbridge.discovery.pool import InterfacePool

        return InterfacePool(self._interfaces)

    def announce(
        self, announcement: ServiceAnnouncement, on_change: Callable[[], None] = lambda: None
    ) -> AnnouncedService:
        """Announce services until the result is closed; it appears within about a second.

        ``on_change`` is called when the name or the addresses have changed. Raises
        :class:`oscbridge.DiscoveryUnavailable`.
        """
        from oscbridge.discovery.handles import AnnouncedService
        from oscbridge.discovery.publisher import ServicePublisher

        return AnnouncedService(self._start(ServicePublisher(self._pool, announcement, on_change)))

    def browse(
        self,
        types: Sequence[str],
        pattern: str = "*",
        on_change: Callable[[], None] = lambda: None,
        part: str = "",
    ) -> ServiceBrowser:
        """Look for services of these types until the result is closed.

        ``*`` and ``?`` in ``pattern`` stand for any text and any character of a name; ``part`` is
        what log lines name. Raises :class:`oscbridge.DiscoveryUnavailable`.
        """
        from oscbridge.discovery.finder import ServiceFinder
        from oscbridge.discovery.handles import ServiceBrowser

        finder = ServiceFinder(self._pool, types, pattern, on_change, part)
        return ServiceBrowser(self._start(finder))

    def follow(self, types: Sequence[str], pattern: str, part: str = "") -> ServiceFollower:
        """Look for one service and follow it until the result is closed.

        Raises :class:`oscbridge.DiscoveryUnavailable`.
        """
        from oscbridge.discovery.finder import ServiceFinder
        from oscbridge.discovery.follower import ServiceFollower

        finder = ServiceFinder(self._pool, types, pattern, lambda: None, part)
        follower = ServiceFollower(finder)
        self._start(finder)
        return follower

    async def close(self) -> None:
        """End everything; announcements are withdrawn."""
        if "_pool" not in vars(self):
            return  # it was never used
        await asyncio.gather(*[each.close() for each in tuple(self._pool.activities)])

    def _start(self, activity: _ActivityT) -> _ActivityT:
        require_discovery()
        self._pool.add(activity)
        return activity
