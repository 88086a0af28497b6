"""The address space of a running system: the known facts, kept up to date, for those who ask."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.changes import AddressChange
from oscbridge.address_space.kept_values import KeptValues
from oscbridge.address_space.merging import AddressOrigin
from oscbridge.bridge.addresses.building import ContentsBuilder, SpaceInputs
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.addresses.endpoint_handle import (
    MAX_AT_ONCE,
    EndpointHandle,
    change_between,
)
from oscbridge.bridge.addresses.learned import LearnedAddresses, NewAddresses
from oscbridge.bridge.addresses.links import DirectLink, DirectSource
from oscbridge.bridge.addresses.reporting import FollowingReports
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.watching import TrafficWatchers
from oscbridge.contract.abilities import UsesAddresses
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.failures import failure_text

__all__ = ["AddressSpace", "ChangeCallback"]

MAX_LEARNED: Final = 300
"""Learned addresses that are added without giving the event loop to others."""

ChangeCallback: TypeAlias = Callable[[AddressChange], None]

_log: Final = logging.getLogger(__name__)


@dataclass(eq=False)
class _ChangeWatch:
    """A callback for changes of all addresses."""

    callback: ChangeCallback
    last: AddressBook


class AddressSpace:
    """The facts about the addresses of all bridges and endpoints. On the event loop.

    Nothing is computed before somebody asks; from then on a change costs what it changes. What
    takes long is computed on a thread; meanwhile all is as before.
    """

    def __init__(self, watchers: TrafficWatchers) -> None:
        self._watchers = watchers
        self._configuration = Configuration({}, {}, ())
        self._direct: Mapping[str, Sequence[DirectLink]] = {}
        """The routes of plugins by their sources."""
        self._runners: Mapping[str, EndpointRunner] = {}
        self._handles: dict[str, EndpointHandle] = {}
        """Those of the endpoints in use, by name."""
        self._contents: SpaceContents | None = None
        self._viewed: set[str] = set()
        """Endpoints whose views have been asked for."""
        self._builder = ContentsBuilder(self._inputs, self._use_contents)
        self._watches: list[_ChangeWatch] = []
        self._learned = LearnedAddresses(watchers, self._has_learned)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reports = FollowingReports(self._report)
        self._logged: set[str] = set()

    # --- its life ----------------------------------------------------------------------------

    def join(self, runner: EndpointRunner) -> None:
        """Give a new endpoint its part of the address space, if it uses it."""
        if isinstance(runner.endpoint, UsesAddresses):
            runner.endpoint.addresses = EndpointHandle(self, runner.name)

    def use(
        self,
        configuration: Configuration,
        runners: Mapping[str, EndpointRunner],
        sources: Mapping[str, DirectSource],
    ) -> None:
        """Describe these parts from now on; ``sources`` are the routes of plugins."""
        if self._loop is None:
            with suppress(RuntimeError):  # not started yet
                self._loop = asyncio.get_running_loop()
        if self._configuration is configuration and self._runners is runners:
            return
        direct = {name: tuple(source.direct) for name, source in sources.items()}
        is_new = not _say_the_same(self._configuration, configuration) or direct != self._direct
        self._configuration, self._direct, self._runners = configuration, direct, runners
        handles = {}
        for name, runner in runners.items():
            if isinstance(runner.endpoint, UsesAddresses):
                handle = runner.endpoint.addresses
                if isinstance(handle, EndpointHandle):
                    handles[name] = handle
        for handle in self._handles.values():
            if handle not in handles.values():
                handle.close()
                is_new = True
        self._handles = handles
        self._viewed = {name for name, handle in handles.items() if handle.is_used}
        if self._learned.use(configuration.run.learn_addresses) or is_new:
            self._renew()
        self._changed()

    async def prepare(self, *endpoints: str) -> None:
        """Compute all, with what these endpoints see, while others have the event loop.

        Who looks for the first time without it waits, and so do all others.
        """
        self._loop = asyncio.get_running_loop()
        if self._contents is None or not self._viewed.issuperset(endpoints):
            self._viewed.update(endpoints)
            self._builder.request()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the known addresses are up to date."""
        await self._builder.wait()

    def close(self) -> None:
        """Report no more changes, and let nobody watch messages any more."""
        self._builder.cancel()
        self._reports.cancel()
        self._watches.clear()
        self._handles.clear()
        self._learned.use(0)
        self._watchers.end()

    # --- the known facts -----------------------------------------------------------------------

    @property
    def known(self) -> AddressBook:
        """The addresses of all bridges and endpoints."""
        return self._current.known

    def book(self, part: str) -> AddressBook:
        """What the peers of a bridge or an endpoint send and understand."""
        return self._current.book(part)

    def visible_to(self, endpoint: str) -> AddressBook:
        """What an endpoint is sent, and what may be sent to it: see :class:`EndpointAddresses`."""
        self._viewed.add(endpoint)
        return self._current.visible_to(endpoint)

    def parts_of(self, address: str) -> tuple[str, ...]:
        """The bridges and endpoints that know an address, in the order of the configuration."""
        return self._current.parts_of(address)

    @property
    def is_used(self) -> bool:
        """Whether anybody has asked for anything."""
        return self._contents is not None

    @property
    def counts(self) -> Counter[AddressOrigin]:
        """The number of known addresses of all bridges and endpoints by origin."""
        return self._current.counts()

    @property
    def conflicts(self) -> Mapping[str, str]:
        """Addresses whose type tags are contradictory, with what they are said to be."""
        return self._current.conflicts()

    @property
    def ignored(self) -> Counter[str]:
        """Entries left out or cut because of a limit, by reason."""
        return self._current.ignored + self._learned.ignored

    @property
    def _current(self) -> SpaceContents:
        """The contents; those before a change that takes long, until it is computed."""
        if self._contents is None:
            inputs = self._inputs()
            self._contents = inputs.build()
        else:
            self._add(self._contents, self._learned.take_new())
        return self._contents

    def _add(self, contents: SpaceContents, learned: NewAddresses) -> None:
        """Put learned addresses into the contents: soon if they are many."""
        if sum(map(len, learned.values())) > MAX_LEARNED and self._loop is not None:
            self._builder.request()
        else:
            for part, infos in learned.items():
                contents.grow(part, infos)

    def _renew(self) -> None:
        """The contents are of an older configuration."""
        if self._loop is None:
            self._contents = None
        elif self._contents is not None or self._builder.is_busy:
            self._builder.request()

    def _inputs(self) -> SpaceInputs:
        mirrored = {name: handle.mirrored for name, handle in self._handles.items()}
        learned = self._learned.snapshot()
        viewed = frozenset(self._viewed)
        return SpaceInputs(self._configuration, self._direct, mirrored, learned, viewed)

    def _use_contents(self, inputs: SpaceInputs, contents: SpaceContents) -> None:
        """Contents have been built: bring them up to date, and use them."""
        before, self._contents = self._contents, contents
        if before is not None:
            before.discard()
        for name, handle in self._handles.items():
            if handle.mirrored is not inputs.mirrored.get(name, ()):
                self._mirror(contents, handle)
        self._add(contents, self._learned.since(inputs.learned))
        self._changed()

    # --- values ------------------------------------------------------------------------------

    def keep_values(self, parts: Iterable[str] | None = None) -> KeptValues:
        """Keep the last values that pass some bridges and endpoints, or all, until closed."""
        values = KeptValues()
        values.on_close = self._watchers.add(values.take, None if parts is None else list(parts))
        return values

    # --- changes -----------------------------------------------------------------------------

    def watch(self, callback: ChangeCallback) -> Callable[[], None]:
        """Call ``callback`` with the changes of :attr:`known`. Returns what ends that."""
        watch = _ChangeWatch(callback, self.known)
        self._watches.append(watch)

        def end() -> None:
            with suppress(ValueError):
                self._watches.remove(watch)

        return end

    def mirror(self, handle: EndpointHandle) -> None:
        """An endpoint knows other addresses of its peer."""
        if self._handles.get(handle.name) is handle:
            if self._contents is not None:
                self._mirror(self._contents, handle)
            self._changed()

    def _mirror(self, contents: SpaceContents, handle: EndpointHandle) -> None:
        """Put what an endpoint says about its peer into the contents: soon if that is much."""
        count = len(handle.mirrored) + len(contents.book(handle.name))
        if count > MAX_AT_ONCE and self._loop is not None:
            self._builder.request()
        else:
            contents.mirror(handle.name, handle.mirrored)

    def _has_learned(self) -> None:
        """A message with a new address was seen. On any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._changed)

    def _changed(self) -> None:
        """Report changes soon, if anybody wants to know them."""
        if self._loop is not None and (self._watches or self._handles):
            self._reports.request(self._loop)

    async def _report(self) -> None:
        if self._contents is None:
            return
        for watch in list(self._watches):
            before, watch.last = watch.last, self.known
            change = await change_between(before, watch.last)
            if change and watch in self._watches:
                try:
                    watch.callback(change)
                except Exception as error:
                    _log.error("cannot report changed addresses", exc_info=error)
        for name, handle in list(self._handles.items()):
            change = await handle.take_change()
            if change and self._handles.get(name) is handle:
                _notify(self._runners[name].endpoint, change)
        self._log_ignored()

    def _log_ignored(self) -> None:
        """Log each kind of entries left out once."""
        new = {
            reason: count for reason, count in self.ignored.items() if reason not in self._logged
        }
        self._logged.update(new)
        if new:
            text = ", ".join(f"{count} {reason}" for reason, count in new.items())
            _log.warning("addresses left out or cut because of limits: %s", text)


def _notify(endpoint: AnyEndpoint, change: AddressChange) -> None:
    if isinstance(endpoint, UsesAddresses):
        try:
            endpoint.on_addresses_changed(change)
        except BaseException as error:
            text = failure_text(error)
            endpoint.log.error("on_addresses_changed failed: %s", text, exc_info=error)


def _say_the_same(old: Configuration, new: Configuration) -> bool:
    """Whether two configurations say the same about addresses."""
    return (
        old.endpoints == new.endpoints
        and list(old.bridges) == list(new.bridges)
        and old.routes == new.routes
        and [each.enabled for each in old.routes] == [each.enabled for each in new.routes]
    )
