"""The address space of a running system: the known facts, kept up to date, for those who ask."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from oscbridge.abilities import UsesAddresses
from oscbridge.address_space.address_book import AddressBook
from oscbridge.address_space.changes import AddressChange
from oscbridge.address_space.kept_values import KeptValues
from oscbridge.address_space.merging import AddressOrigin
from oscbridge.bridge.addresses.contents import SpaceContents
from oscbridge.bridge.addresses.endpoint_handle import EndpointHandle
from oscbridge.bridge.addresses.learned import LearnedAddresses
from oscbridge.bridge.addresses.links import DirectSource
from oscbridge.bridge.config.resolved import Configuration
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.watching import TrafficWatchers
from oscbridge.failures import failure_text

__all__ = ["AddressSpace", "ChangeCallback"]

COALESCE: Final = 0.1
"""Seconds within which changes are reported together."""

ChangeCallback: TypeAlias = Callable[[AddressChange], None]

_log: Final = logging.getLogger(__name__)


@dataclass(eq=False)
class _ChangeWatch:
    """A callback for changes of all addresses."""

    callback: ChangeCallback
    last: AddressBook


class AddressSpace:
    """The facts about the addresses of all bridges and endpoints. On the event loop.

    Nothing is computed before somebody asks; from then on a change costs what it changes.
    """

    def __init__(self, watchers: TrafficWatchers) -> None:
        self._watchers = watchers
        self._configuration = Configuration({}, {}, ())
        self._sources: Mapping[str, DirectSource] = {}
        self._runners: Mapping[str, EndpointRunner] = {}
        self._handles: dict[str, EndpointHandle] = {}
        """Those of the endpoints in use, by name."""
        self._contents: SpaceContents | None = None
        self._watches: list[_ChangeWatch] = []
        self._learned = LearnedAddresses(watchers, self._has_learned)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
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
        if not _say_the_same(self._configuration, configuration, self._sources, sources):
            self._contents = None
        self._configuration, self._sources, self._runners = configuration, sources, runners
        handles = {}
        for name, runner in runners.items():
            if isinstance(runner.endpoint, UsesAddresses):
                handle = runner.endpoint.addresses
                if isinstance(handle, EndpointHandle):
                    handles[name] = handle
        for handle in self._handles.values():
            if handle not in handles.values():
                handle.close()
                self._contents = None
        self._handles = handles
        if self._learned.use(configuration.run.learn_addresses):
            self._contents = None
        self._changed()

    def close(self) -> None:
        """Report no more changes, and let nobody watch messages any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
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
        found = self._current.ignored + self._learned.ignored
        for handle in self._handles.values():
            found += handle.ignored
        return found

    @property
    def _current(self) -> SpaceContents:
        """The contents, up to date."""
        if self._contents is None:
            self._contents = contents = SpaceContents(self._configuration, self._sources)
            for name, handle in self._handles.items():
                contents.replace(AddressOrigin.MIRRORED, name, handle.mirrored.values())
            self._learned.add_all_to(contents)
            contents.describe_routes()
        else:
            self._learned.add_new_to(self._contents)
        return self._contents

    # --- values ------------------------------------------------------------------------------

    def keep_values(self, parts: Iterable[str] | None = None) -> KeptValues:
        """Keep the last values of what passes some bridges and endpoints, or all, until closed."""
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
                origin, infos = AddressOrigin.MIRRORED, handle.mirrored.values()
                self._contents.replace(origin, handle.name, infos)
            self._changed()

    def _has_learned(self) -> None:
        """A message with a new address was seen. On any thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._changed)

    def _changed(self) -> None:
        """Report changes soon, if anybody wants to know them."""
        if self._loop is None or self._timer is not None:
            return
        if self._watches or self._handles:
            self._timer = self._loop.call_later(COALESCE, self._notify)

    def _notify(self) -> None:
        self._timer = None
        if self._contents is None and not any(self._in_use):
            return
        for watch in list(self._watches):
            before, watch.last = watch.last, self.known
            if change := AddressChange.between(before, watch.last):
                try:
                    watch.callback(change)
                except Exception as error:
                    _log.error("cannot report changed addresses", exc_info=error)
        for name, handle in list(self._handles.items()):
            endpoint = self._runners[name].endpoint
            if isinstance(endpoint, UsesAddresses):
                try:
                    handle.notify(endpoint)
                except BaseException as error:
                    text = failure_text(error)
                    endpoint.log.error("on_addresses_changed failed: %s", text, exc_info=error)
        self._log_ignored()

    @property
    def _in_use(self) -> Iterator[bool]:
        """Whether anybody has looked at addresses, and wants to know their changes."""
        yield bool(self._watches)
        yield from (handle.is_used for handle in self._handles.values())

    def _log_ignored(self) -> None:
        """Log each kind of entries left out once."""
        new = {
            reason: count for reason, count in self.ignored.items() if reason not in self._logged
        }
        self._logged.update(new)
        if new:
            text = ", ".join(f"{count} {reason}" for reason, count in new.items())
            _log.warning("addresses left out or cut because of limits: %s", text)


def _say_the_same(
    old: Configuration,
    new: Configuration,
    old_sources: Mapping[str, DirectSource],
    new_sources: Mapping[str, DirectSource],
) -> bool:
    """Whether two configurations say the same about addresses."""
    return (
        old.endpoints == new.endpoints
        and list(old.bridges) == list(new.bridges)
        and old.routes == new.routes
        and [each.enabled for each in old.routes] == [each.enabled for each in new.routes]
        and {name: each.direct for name, each in old_sources.items()}
        == {name: each.direct for name, each in new_sources.items()}
    )
