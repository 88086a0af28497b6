"""Follows one service by its name, to another address, port or program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from oscbridge.discovery.finder import ServiceFinder
from oscbridge.discovery.services import DiscoveredService
from oscbridge.errors import NotConnected

__all__ = ["ServiceFollower"]


class ServiceFollower:
    """The service whose name has a pattern: the same one while it is there, else the next."""

    def __init__(self, finder: ServiceFinder) -> None:
        self._changed = asyncio.Event()
        self._current: DiscoveredService | None = None
        self._doubted: DiscoveredService | None = None
        self._finder = finder
        finder.on_change = self._update

    @property
    def current(self) -> DiscoveredService | None:
        """Where it is now; None if it is not there."""
        return self._current

    @property
    def problem(self) -> str:
        """Why nothing can be found, human-readable; empty if it can."""
        return self._finder.problem

    async def find(self, timeout: float) -> DiscoveredService:
        """Wait for the service.

        Raises :class:`oscbridge.NotConnected` after ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while self._current is None:
                    await self._changed.wait()
                return self._current
        except TimeoutError:
            pass
        text = f"looking for {self._finder.pattern.text!r} in this network"
        raise NotConnected(f"{text}: {self.problem}" if self.problem else text)

    async def __aiter__(self) -> AsyncIterator[DiscoveredService | None]:
        """The service if it is there, then each change: where it is now, None when it is gone."""
        last: DiscoveredService | None = None
        while True:
            changed = self._changed
            if self._current != last:
                last = self._current
                yield last
            else:
                await changed.wait()

    def doubt(self) -> None:
        """Ask for the service again, as it does not answer, and take another one that matches.

        It remains the same one if no other matches, and it is still announced.
        """
        if self._current is not None:
            self._doubted = self._current
            self._finder.doubt(self._current)
            self._update()

    async def close(self) -> None:
        """Follow it no longer."""
        await self._finder.close()

    def _update(self) -> None:
        found = self._finder.services
        self._current = _chosen(found, self._current, self._doubted)
        if self._current != self._doubted:
            self._doubted = None
        self._changed.set()
        self._changed = asyncio.Event()


def _chosen(
    found: Sequence[DiscoveredService],
    current: DiscoveredService | None,
    doubted: DiscoveredService | None,
) -> DiscoveredService | None:
    """The one that is followed already, wherever it is now; else the first that is not doubted."""
    if current is not None and current != doubted:
        for each in found:
            if (each.type, each.name) == (current.type, current.name):
                return each
    trusted = [each for each in found if each != doubted]
    return next(iter([*trusted, *found]), None)
