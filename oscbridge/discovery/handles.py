"""What users of discovery hold: an announcement, and services that are looked for."""

from __future__ import annotations

from collections.abc import Sequence

from oscbridge.discovery.finder import ServiceFinder
from oscbridge.discovery.publisher import ServicePublisher
from oscbridge.discovery.services import DiscoveredService, ServiceAnnouncement

__all__ = ["AnnouncedService", "ServiceBrowser"]


class AnnouncedService:
    """An announcement that :meth:`Discovery.announce` has begun."""

    def __init__(self, publisher: ServicePublisher) -> None:
        self._publisher = publisher

    @property
    def announcement(self) -> ServiceAnnouncement:
        """The requested services."""
        return self._publisher.announcement

    @property
    def name(self) -> str:
        """The name now: ``Stage (2)`` if another program has ``Stage``."""
        return self._publisher.name

    @property
    def addresses(self) -> Sequence[str]:
        """The current announcements: one address for each network."""
        return self._publisher.addresses

    @property
    def problem(self) -> str:
        """Why it is not announced, human-readable; empty if it is, or is about to be."""
        return self._publisher.problem

    async def close(self) -> None:
        """Withdraw it, within a second."""
        await self._publisher.close()


class ServiceBrowser:
    """Services that :meth:`Discovery.browse` looks for."""

    def __init__(self, finder: ServiceFinder) -> None:
        self._finder = finder

    @property
    def services(self) -> Sequence[DiscoveredService]:
        """The services that exist now, by name; each once, where it is best reached."""
        return self._finder.services

    @property
    def problem(self) -> str:
        """Why nothing can be found, human-readable; empty if it can."""
        return self._finder.problem

    async def begin(self) -> None:
        """Wait until it looks for services, or :attr:`problem` says why it cannot."""
        await self._finder.begun.wait()

    async def close(self) -> None:
        """Look no longer."""
        await self._finder.close()
