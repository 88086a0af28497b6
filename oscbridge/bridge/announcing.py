"""Announces the bridges of a running system in the local network, as their keys say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.sources.listener import Listener
from oscbridge.discovery.discovery import Discovery
from oscbridge.errors import DiscoveryUnavailable

if TYPE_CHECKING:
    from oscbridge.discovery.handles import AnnouncedService
    from oscbridge.discovery.services import ServiceAnnouncement

__all__ = ["AnnouncedBridge", "BridgeAnnouncer"]

_log: Final = logging.getLogger(__name__)


class AnnouncedBridge(NamedTuple):
    """How a bridge is announced; all empty if it is not to be announced."""

    name: str = ""
    """The name that other programs show."""
    addresses: tuple[str, ...] = ()
    """Where it is announced, one address for each network."""
    problem: str = ""
    """Why it is not announced, human-readable; empty if it is."""

    def __str__(self) -> str:
        """How it is announced, human-readable; empty if it is not to be."""
        places = ", ".join(self.addresses)
        return (
            f"announced as {self.name!r}" + (f" at {places}" if places else "") if self.name else ""
        )


class BridgeAnnouncer:
    """Keeps the announcements of bridges that listen. Costs nothing where there are none."""

    def __init__(self) -> None:
        self.discovery = Discovery()
        self._wanted: dict[str, ServiceAnnouncement] = {}
        self._announced: dict[str, AnnouncedService] = {}
        self._problem = ""
        self._working: asyncio.Task[None] | None = None

    def update(
        self, bridges: Mapping[str, BridgeOptions], listeners: Mapping[str, Listener]
    ) -> None:
        """Announce the bridges that listen as these options say, and no others."""
        self._wanted = {
            name: _announcement(name, bridges[name], listener)
            for name, listener in listeners.items()
            if bridges[name].announce
        }
        is_same = self._wanted == {n: each.announcement for n, each in self._announced.items()}
        if not is_same and self._working is None:
            self._working = asyncio.create_task(self._work())
            self._working.add_done_callback(self._worked)

    def __getitem__(self, name: str) -> AnnouncedBridge:
        """How a bridge is announced now."""
        if (announced := self._announced.get(name)) is not None:
            return AnnouncedBridge(announced.name, tuple(announced.addresses), announced.problem)
        wanted = self._wanted.get(name)
        return (
            AnnouncedBridge() if wanted is None else AnnouncedBridge(wanted.name, (), self._problem)
        )

    async def close(self) -> None:
        """Withdraw everything, within a second."""
        self._wanted = {}
        if self._working is not None:
            await asyncio.wait([self._working])
        self._announced.clear()
        await self.discovery.close()

    async def _work(self) -> None:
        """Withdraw first: a goodbye that comes late would end a new announcement."""
        while changed := self._changed():
            leaving = [self._announced.pop(name) for name in changed if name in self._announced]
            await asyncio.gather(*[each.close() for each in leaving])
            for name in changed:
                if (wanted := self._wanted.get(name)) is None or name in self._announced:
                    continue
                try:
                    self._announced[name] = self.discovery.announce(wanted)
                except DiscoveryUnavailable as error:
                    self._problem = str(error)
                    _log.error("bridge.%s: not announced: %s", name, error)
                    return

    def _changed(self) -> list[str]:
        """The bridges whose announcement is missing, outdated or no longer wanted."""
        names = {*self._wanted, *self._announced}
        return sorted(name for name in names if self._is_outdated(name))

    def _is_outdated(self, name: str) -> bool:
        announced = self._announced.get(name)
        return self._wanted.get(name) != (None if announced is None else announced.announcement)

    def _worked(self, task: asyncio.Task[None]) -> None:
        self._working = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("bridges are not announced", exc_info=error)


def _announcement(name: str, options: BridgeOptions, listener: Listener) -> ServiceAnnouncement:
    from oscbridge.discovery.names import default_service_name
    from oscbridge.discovery.services import ServiceAnnouncement, split_advertised

    url = listener.address
    address, port = split_advertised(options.advertise) if options.advertise else ("", None)
    wanted = options.announce
    properties = {"framing": "1.0"} if url.framing == "1.0" else {}
    return ServiceAnnouncement(
        name=wanted if isinstance(wanted, str) else default_service_name(name),
        services={f"_osc._{url.scheme[:3]}": port or url.port},
        listen=options.listen.host,
        advertise=address,
        properties={"txtvers": "1", **properties},
        part=f"bridge.{name}",
    )
