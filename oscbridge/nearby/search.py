"""Looks for devices that endpoints could reach: services in the network, ports of this machine."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from oscbridge.bridge.daemon_thread import in_daemon_thread
from oscbridge.contract.abilities import FindsDevices
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.contract.nearby_device import NearbyDevice
from oscbridge.discovery.discovery import Discovery
from oscbridge.errors import DiscoveryUnavailable
from oscbridge.failures import failure_text
from oscbridge.nearby.local import LocalDevices, list_local_devices
from oscbridge.toml_text import TomlTable, toml_table

if TYPE_CHECKING:  # imported when they are used
    from oscbridge.discovery.handles import ServiceBrowser

__all__ = ["DeviceSearch", "FoundNearby", "SearchResult"]

MAX_NAME: Final = 24
"""Characters of the name that is proposed for an endpoint."""

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class FoundNearby:
    """A device, and the endpoint that would reach it."""

    type_name: str
    device: NearbyDevice
    origin: Literal["network", "machine"]
    """Whether it announces itself in the local network, or is at a port of this machine."""

    def endpoint_name(self, taken: Collection[str] = ()) -> str:
        """A free name for an endpoint, from that of the device."""
        plain = _NOT_IN_NAMES.sub("_", self.device.name.lower()).strip("_")[:MAX_NAME].strip("_")
        name = plain or self.type_name
        number = 2
        found = name
        while found in taken:
            found = f"{name}_{number}"
            number += 1
        return found

    @property
    def table(self) -> TomlTable:
        """The table of the endpoint."""
        return {"type": self.type_name, **self.device.options}

    def toml(self, taken: Collection[str] = ()) -> str:
        """The table of the endpoint as text."""
        return toml_table(f"[endpoint.{self.endpoint_name(taken)}]", self.table)


@dataclass(frozen=True)
class SearchResult:
    """The current findings."""

    devices: Sequence[FoundNearby] = ()
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why devices of a type cannot be found, by endpoint type; "network" for all services."""
    is_listing: bool = False
    """Whether the ports of this machine are being listed."""


class DeviceSearch:
    """Looks for devices while somebody watches. On the event loop.

    ``types`` are the endpoint types; those that find devices are imported when it begins to look.
    """

    def __init__(
        self, types: Mapping[str, type[AnyEndpoint]], discovery: Callable[[], Discovery]
    ) -> None:
        self._types = types
        self._discovery = discovery
        self._watchers: list[Callable[[], None]] = []
        self._browser: ServiceBrowser | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._problem = ""
        self._local: dict[str, LocalDevices] = {}
        self._listing: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._finders: Mapping[str, type[FindsDevices]] | None = None

    def watch(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Look for devices, and call ``on_change`` when something was found or is gone.

        Returns the function that ends it.
        """
        self._watchers.append(on_change)
        if len(self._watchers) == 1:
            self._opening = asyncio.create_task(self._open())

        def end() -> None:
            if on_change in self._watchers:
                self._watchers.remove(on_change)
                if not self._watchers:
                    self._stop()

        return end

    async def _open(self) -> None:
        if self._finders is None:  # plugins are imported
            self._finders = await in_daemon_thread(self._find_types, "device types")
        services = {each for factory in self._finders.values() for each in factory.service_types}
        self._problem = ""
        try:
            self._browser = self._discovery().browse(sorted(services), on_change=self._changed)
        except DiscoveryUnavailable as error:
            self._problem = str(error)
        self.look_again()

    def look_again(self) -> None:
        """List the ports of this machine again."""
        if self._listing is None and self._finders is not None:
            self._listing = asyncio.create_task(self._list())

    def _find_types(self) -> Mapping[str, type[FindsDevices]]:
        return {
            name: factory
            for name, factory in self._types.items()
            if issubclass(factory, FindsDevices)
        }

    def _changed(self) -> None:
        for watcher in tuple(self._watchers):
            watcher()

    async def listed(self) -> None:
        """Wait until the ports of this machine are listed."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._listing is not None:
            await asyncio.wait([self._listing])

    async def close(self) -> None:
        """End the search, also for its watchers."""
        self._watchers.clear()
        self._stop()
        tasks = [*self._closing, *([] if self._listing is None else [self._listing])]
        if tasks:
            await asyncio.wait(tasks)

    def _stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._listing is not None:
            self._listing.cancel()
        browser, self._browser = self._browser, None
        if browser is not None:
            closing = asyncio.create_task(browser.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _list(self) -> None:
        try:
            finders = self._finders or {}
            names = [name for name, each in finders.items() if _lists(each)]
            lists = (list_local_devices(finders[name]) for name in names)
            found = await asyncio.gather(*lists, return_exceptions=True)
            for name, each in zip(names, found, strict=True):
                if isinstance(each, BaseException):
                    each = LocalDevices(problem=failure_text(each))
                self._local[name] = each
        finally:
            self._listing = None
            self._changed()

    @property
    def result(self) -> SearchResult:
        """The current findings."""
        problems = {name: each.problem for name, each in self._local.items() if each.problem}
        devices = [*self._in_network(problems), *self._at_ports()]
        problem = self._problem or (self._browser.problem if self._browser is not None else "")
        if problem:
            problems["network"] = problem
        return SearchResult(devices, problems, self._listing is not None or self._finders is None)

    def values(self, type_name: str, key: str) -> Collection[str]:
        """The values that an option of an endpoint type has in the devices that are found."""
        return {
            str(each.device.options[key])
            for each in self.result.devices
            if each.type_name == type_name and key in each.device.options
        }

    def _in_network(self, problems: dict[str, str]) -> Iterator[FoundNearby]:
        """Devices that announce themselves. Failures of plugins are added to ``problems``."""
        services = () if self._browser is None else self._browser.services
        for name, factory in (self._finders or {}).items():
            for service in services:
                if service.type not in factory.service_types:
                    continue
                try:
                    device = factory.device_of(service)
                except Exception as error:  # a plugin's; other devices are still found
                    problems[name] = f"{service.name}: {failure_text(error)}"
                    continue
                if device is not None:
                    yield FoundNearby(name, device, "network")

    def _at_ports(self) -> Iterator[FoundNearby]:
        for name, found in self._local.items():
            for device in found.devices:
                yield FoundNearby(name, device, "machine")


def _lists(factory: type[FindsDevices]) -> bool:
    """Whether a class lists devices of this machine: it has a method of its own for that."""
    base = FindsDevices.__dict__["local_devices"]
    return inspect.getattr_static(factory, "local_devices") is not base
