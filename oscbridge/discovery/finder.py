"""Services that other programs announce: found, resolved, and kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from oscbridge.discovery.activity import DiscoveryActivity, ResponderPool
from oscbridge.discovery.interfaces import one_per_network
from oscbridge.discovery.names import NamePattern
from oscbridge.discovery.services import DiscoveredService

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceBrowser

    from oscbridge.discovery.interfaces import LocalInterface
    from oscbridge.discovery.responder import Responder

__all__ = ["MAX_SERVICES", "ServiceFinder"]

MAX_SERVICES: Final = 256
"""Services that one browser keeps; others are ignored."""

MAX_QUESTIONS: Final = 16
"""Services that are asked for their address at the same time."""

_Key = tuple[str, str, str]
"""Interface, type and full name in lower case."""


class ServiceFinder(DiscoveryActivity):
    """The services of some types whose names have a pattern. ``on_change`` follows changes."""

    def __init__(
        self,
        pool: ResponderPool,
        types: Sequence[str],
        pattern: str,
        on_change: Callable[[], None],
        part: str = "",
    ) -> None:
        super().__init__(pool, part)
        self.types = tuple(types)
        self.pattern = NamePattern(pattern)
        self.on_change = on_change
        self._browsers: dict[Responder, AsyncServiceBrowser] = {}
        self._found: dict[_Key, DiscoveredService] = {}
        self._full_names: dict[_Key, str] = {}
        self._asking: dict[_Key, asyncio.Task[None]] = {}
        self._stale: set[_Key] = set()
        """Those that have changed while they were asked for."""
        self._turns = asyncio.Semaphore(MAX_QUESTIONS)
        self._is_full = False

    @property
    def services(self) -> tuple[DiscoveredService, ...]:
        """The services that exist now, by name; each once, where it is best reached."""
        ordered = {each.address: n for n, each in enumerate(self._wanted)}
        best: dict[tuple[str, str], DiscoveredService] = {}
        for key in sorted(self._found, key=lambda each: ordered.get(each[0], len(ordered))):
            best.setdefault(key[1:], self._found[key])
        return tuple(sorted(best.values(), key=lambda each: (each.name.lower(), each.type)))

    def choose(self, found: Sequence[LocalInterface]) -> Sequence[LocalInterface]:
        return one_per_network(found)

    async def update(self) -> None:
        """Nothing else changes."""

    async def join(self, responder: Responder) -> None:
        changed = partial(self._changed, responder)
        self._browsers[responder] = responder.browse(self.types, changed)

    async def leave(self, responder: Responder) -> None:
        address = responder.interface.address
        for key, task in list(self._asking.items()):
            if key[0] == address:
                task.cancel()
        await self._browsers.pop(responder).async_cancel()
        if gone := [key for key in self._full_names if key[0] == address]:
            for key in gone:
                self._drop(key)
            self.on_change()

    def describe_problem(self, problem: str) -> str:
        return f"services cannot be found: {problem}"

    def doubt(self, service: DiscoveredService) -> None:
        """Ask for a service again, as it does not answer; without an answer it is gone."""
        for responder in self._browsers:
            for key, found in list(self._found.items()):
                if key[0] == responder.interface.address and found == service:
                    full_name = self._full_names[key]
                    responder.forget(full_name)
                    self._ask(responder, key)

    def _changed(self, responder: Responder, type_name: str, full_name: str, gone: bool) -> None:
        from oscbridge.discovery.responder import instance_name

        if not self.pattern.matches(instance_name(full_name, type_name)):
            return
        key = (responder.interface.address, type_name, full_name.lower())
        if gone:
            if (task := self._asking.get(key)) is not None:
                task.cancel()
            if self._drop(key):
                self.on_change()
            return
        if key not in self._full_names and len(self._full_names) >= MAX_SERVICES:
            if not self._is_full:
                self._is_full = True
                text = "%smore than %d services in this network; others are ignored"
                self.log.warning(text, self._part, MAX_SERVICES)
            return
        self._full_names[key] = full_name
        self._ask(responder, key)

    def _ask(self, responder: Responder, key: _Key) -> None:
        if key in self._asking:
            self._stale.add(key)
            return
        self._asking[key] = task = asyncio.create_task(self._resolve(responder, key))
        task.add_done_callback(partial(self._asked, responder, key))

    async def _resolve(self, responder: Responder, key: _Key) -> None:
        full_name = self._full_names[key]
        async with self._turns:
            service = await responder.resolve(key[1], full_name)
        if service is None:
            responder.forget_name(key[1], full_name)  # when it comes again it is a new one
            if self._drop(key):
                self.on_change()
        else:
            service = service._replace(interface=self._interface_of(service))
            if self._found.get(key) != service:
                self._found[key] = service
                self.on_change()

    def _interface_of(self, service: DiscoveredService) -> str:
        """The address of the interface that leads to a service, wherever it was heard."""
        for each in self._wanted:
            if ip_address(service.host) in each.network:
                return each.address
        return service.interface

    def _asked(self, responder: Responder, key: _Key, task: asyncio.Task[None]) -> None:
        del self._asking[key]
        is_stale = key in self._stale
        self._stale.discard(key)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.debug("%s: %r", key[2], error)
            if self._drop(key):
                self.on_change()
        elif is_stale and key in self._full_names and responder in self._browsers:
            self._ask(responder, key)

    def _drop(self, key: _Key) -> bool:
        """Forget a service. Returns whether it was among those that are there."""
        self._full_names.pop(key, None)
        return self._found.pop(key, None) is not None
