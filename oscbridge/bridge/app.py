"""A running system: made from a configuration, started, reloaded, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Literal, TypeAlias, TypeVar

from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.resolved import EndpointEntry, RouteEntry
from oscbridge.bridge.lifecycle import (
    close_all,
    connect,
    do_each,
    failed,
    make_runner,
    open_listener,
    reason_of,
)
from oscbridge.bridge.reload import Changes, ReloadPlan, plan
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routing import Hooks, Wired, Wiring, wire
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener, set_limits
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.osc import Message

__all__ = ["App", "AppWatcher", "Direction"]

Direction: TypeAlias = Literal["in", "out"]
AppWatcher: TypeAlias = Callable[[Direction, str, Message], None]
_T = TypeVar("_T")

_log: Final = logging.getLogger(__name__)


class App:
    """All bridges, endpoints and routes of one configuration.

    :meth:`start` opens endpoints first and listens last, so that nothing comes in that has
    nowhere to go; :meth:`reload` changes what is another in a new configuration;
    :meth:`stop` takes nothing more in, delivers what waits, then closes.
    """

    def __init__(self, configuration: Configuration, hooks: Hooks) -> None:
        self.configuration = configuration
        self._hooks = hooks
        self.endpoints: dict[str, EndpointRunner] = {}
        """Endpoints by name."""
        self.dispatchers: dict[str, Dispatcher] = {}
        """The dispatcher of every source, bridge or endpoint, by name."""
        self.listeners: dict[str, Listener] = {}
        """Servers that run, by the name of their bridge."""
        self.problems: dict[str, str] = {}
        """What the last reload could not do with bridges, by name."""
        self._reloading: asyncio.Task[Changes] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._watcher: AppWatcher | None = None
        for name, entry in configuration.endpoints.items():
            self.endpoints[name] = self._make(name, entry, configuration)
        self._wiring = wire(configuration, self.endpoints, hooks)
        self.dispatchers = self._sources(configuration, self.endpoints, self._wiring, ())

    @property
    def routes(self) -> tuple[Wired, ...]:
        """The routes of the configuration, in order."""
        return tuple(self._wiring.routes)

    @property
    def idle(self) -> list[str]:
        """The endpoints that no route leads to or from, those of plugins included."""
        fed = self._wiring.fed
        used = {name for names in fed.values() for name in names}
        return [name for name in self.endpoints if name not in used and not fed[name]]

    def _make(
        self, name: str, entry: EndpointEntry, configuration: Configuration
    ) -> EndpointRunner:
        runner = make_runner(name, entry, configuration.routes_to[name])
        runner.backpressure.on_change = self._hold
        return runner

    def _sources(
        self,
        configuration: Configuration,
        endpoints: Mapping[str, EndpointRunner],
        wiring: Wiring,
        renewed: Collection[str],
    ) -> dict[str, Dispatcher]:
        """The dispatchers of all sources; those that are new here have their routes.

        What a bridge has counted, and what waits for its time, stays as long as its name does.
        One that is ``renewed`` has a new dispatcher all the same: its old server ends with the
        old routes and limits.
        """
        dispatchers = {name: each.dispatcher for name, each in endpoints.items()}
        for name in configuration.bridges:
            old = self.dispatchers.get(name) if name in self.configuration.bridges else None
            if old is None:
                dispatchers[name] = Dispatcher(name=name)
            elif name in renewed:
                dispatchers[name] = Dispatcher(name=name, scheduler=old.scheduler)
                dispatchers[name].statistics = old.statistics
            else:
                dispatchers[name] = old
        for name, dispatcher in dispatchers.items():
            if dispatcher is not self.dispatchers.get(name):
                kind = "bridge" if name in configuration.bridges else "endpoint"
                dispatcher.part = f"{kind}.{name}"
                dispatcher.adopt(wiring.dispatchers[name])
        return dispatchers

    # --- when an endpoint is full ------------------------------------------------------------

    def _hold(self) -> None:
        """Pause bridges that feed a full endpoint with the policy ``block``; let others go on."""
        for name, listener in self.listeners.items():
            listener.pause(self._is_held(name))  # asked anew: one that goes on may fill it again

    def _is_held(self, bridge: str) -> bool:
        """Whether a bridge feeds an endpoint that is full."""
        fed = self._wiring.fed[bridge]
        return any(each.has_backpressure and name in fed for name, each in self.endpoints.items())

    # --- start -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything. Raises :class:`OSCBridgeError` with everything closed again."""
        try:
            for wired in self.routes:
                wired.route.tail.start()
            for delivery in self.endpoints.values():
                delivery.open()
            await _all(connect(each) for each in self.endpoints.values())
            for name in self.configuration.bridges:
                await self._listen(name)
            self._settle()
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, name: str) -> None:
        """Raises :class:`OSCBridgeError`."""
        options, routes = self.configuration.bridges[name], self._wiring.forked.get(name, ())
        listener = await open_listener(name, options, self.dispatchers[name], routes)
        self.listeners[name] = listener

    # --- reload ------------------------------------------------------------------------------

    async def reload(self, configuration: Configuration) -> Changes:
        """Change what is another in ``configuration``; all else goes on as it is.

        Raises :class:`OSCBridgeError` when that cannot be: then nothing has changed. Two at
        once are done one after the other. Only while it runs: after :meth:`start`, before
        :meth:`stop`.
        """
        while self._reloading is not None:
            await asyncio.wait([self._reloading])
        self._reloading = asyncio.ensure_future(self._reload(configuration))
        try:
            return await self._reloading
        finally:
            self._reloading = None

    async def _reload(self, new: Configuration) -> Changes:
        """First all that may fail, and can be undone; then the switch."""
        kept: dict[str, EndpointRunner] = {}
        fresh: dict[str, EndpointRunner] = {}
        early: dict[str, Listener] = {}
        routes: list[Route] = []
        try:
            for name, entry in new.endpoints.items():
                if self._goes_on(name, entry):
                    kept[name] = self.endpoints[name]
                else:
                    fresh[name] = self._make(name, entry, new)
            todo = plan(self.configuration, new, kept, self.listeners)
            endpoints = {name: kept.get(name) or fresh[name] for name in new.endpoints}
            wiring = wire(new, endpoints, self._hooks, self.routes)
            dispatchers = self._sources(new, endpoints, wiring, (*todo.early, *todo.late))
            routes = _only_in(wiring, self._wiring)
            for route in routes:
                route.tail.start()
            for delivery in fresh.values():
                delivery.open()
            for name in todo.early:
                pairs = wiring.forked.get(name, ())
                early[name] = await open_listener(name, new.bridges[name], dispatchers[name], pairs)
        except BaseException as error:
            for delivery in kept.values():
                with suppress(Exception):
                    delivery.update(delivery.endpoint.options)
            for name, options in self.configuration.bridges.items():  # some share a scheduler
                set_limits(self.dispatchers[name], options.limits)
            closing = self._close(early, routes, fresh.values(), drain=0)
            if isinstance(error, Exception):
                await asyncio.wait([closing])
            raise
        return await self._switch(new, todo, wiring, endpoints, dispatchers, early)

    def _goes_on(self, name: str, entry: EndpointEntry) -> bool:
        """Whether an endpoint goes on, with what the new configuration says of it."""
        delivery, old = self.endpoints.get(name), self.configuration.endpoints.get(name)
        if delivery is None or old is None or delivery.left_alone:
            return False
        if (old.type_name, old.factory, old.delivery) != (
            entry.type_name,
            entry.factory,
            entry.delivery,
        ):
            return False
        try:
            return delivery.update(entry.options)
        except Exception as error:
            raise failed(f"endpoint.{name}", delivery.endpoint.describe(), error) from error

    async def _switch(
        self,
        new: Configuration,
        todo: ReloadPlan,
        wiring: Wiring,
        endpoints: dict[str, EndpointRunner],
        dispatchers: dict[str, Dispatcher],
        early: Mapping[str, Listener],
    ) -> Changes:
        """From here on the new configuration is in force, whatever does not work yet."""
        old, before = self.configuration, self.endpoints
        old_wiring, old_dispatchers = self._wiring, self.dispatchers
        leaving = [before[name] for name in todo.leaving]
        ending = {name: self.listeners.pop(name) for name in todo.closing if name in self.listeners}
        staying = dict(self.listeners)
        for name, delivery in endpoints.items():
            delivery.endpoint.options = new.endpoints[name].options
            delivery.routes = new.routes_to[name]
        self.configuration, self.endpoints = new, endpoints
        self.dispatchers, self._wiring = dispatchers, wiring
        self.listeners.update(early)
        self.problems.clear()
        for name, mapping in wiring.dispatchers.items():
            dispatchers[name].adopt(mapping)
        try:
            self._settle()
            steps = (
                self._try(name, listener.reroute, wiring.forked.get(name, ()))
                for name, listener in staying.items()
            )
            await asyncio.gather(*steps)
        finally:
            schedulers = [each.scheduler for each in dispatchers.values()]
            gone = [e for e in old_dispatchers.values() if e.scheduler not in schedulers]
            closing = self._close(ending, _only_in(old_wiring, wiring), leaving, gone)
        await asyncio.wait([closing])
        for name in todo.late:
            await self._try(name, self._listen, name)
        await do_each(endpoints[name].start("retry") for name in todo.entering)
        self._settle()
        for name, delivery in endpoints.items():
            if before.get(name) is delivery and _to(old, name) != _to(new, name):
                _notify_routes_changed(delivery)
        problems = [f"bridge.{name}: {problem}" for name, problem in self.problems.items()]
        problems += [
            f"endpoint.{name}: not connected{_why(endpoints[name].problem)}; it goes on trying"
            for name in todo.entering
            if not endpoints[name].connected
        ]
        changed = _only_in(wiring, old_wiring)
        updated = [
            name
            for name, delivery in endpoints.items()
            if before.get(name) is delivery
            and new.endpoints[name].options != old.endpoints[name].options
        ]
        return Changes.of(todo, updated, len(changed), problems)

    async def _try(self, bridge: str, step: Callable[[_T], Awaitable[None]], what: _T) -> None:
        """Do a step of a reload that cannot be undone any more. A failure is noted, not raised."""
        try:
            await step(what)
        except Exception as error:
            self.problems[bridge] = reason_of(error).removeprefix(f"bridge.{bridge}: ")
            _log.error("bridge.%s: %s", bridge, self.problems[bridge])

    def _settle(self) -> None:
        """Have what is new be as all the rest: held, and watched."""
        self._hold()
        self.watch(self._watcher)

    # --- watching ----------------------------------------------------------------------------

    def watch(self, watcher: AppWatcher | None) -> None:
        """Have ``watcher`` called with every message that comes in or was delivered; or nobody.

        It is called with "in" or "out", the name of the bridge or endpoint, and the message;
        on any thread; and must not wait.
        """
        self._watcher = watcher
        for name, listener in self.listeners.items():
            self.dispatchers[name].watch(None if watcher is None else partial(watcher, "in", name))
            listener.watch(watcher is not None)
        for name, delivery in self.endpoints.items():
            if watcher is None:
                delivery.watch(None, None)
            else:
                delivery.watch(partial(watcher, "in", name), partial(watcher, "out", name))

    # --- reports -----------------------------------------------------------------------------

    def flush_reports(self, *, everything: bool = False) -> None:
        """Have told what was counted of repeated faults and is overdue; at the end, all of it.

        To be called about once a second: who stops reporting would leave a count untold.
        """
        for dispatcher in self.dispatchers.values():
            dispatcher.flush_reports(everything=everything)
        for delivery in self.endpoints.values():
            delivery.flush_reports(everything=everything)
        for listener in self.listeners.values():
            listener.flush_reports(everything=everything)
        for wired in self.routes:
            wired.route.flush_reports(everything=everything)

    # --- stop --------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Take nothing more in, deliver what waits within a time-out, close everything."""
        if self._reloading is not None:
            self._reloading.cancel()
            await asyncio.wait([self._reloading])
        begun = self._closing
        self.watch(None)
        listeners, self.listeners = self.listeners, {}
        routes = [wired.route for wired in self.routes]
        deliveries, sources = self.endpoints.values(), self.dispatchers.values()
        closing = self._close(listeners, routes, deliveries, sources)
        await asyncio.wait([each for each in (begun, closing) if each is not None])

    def _close(
        self,
        listeners: Mapping[str, Listener],
        routes: Collection[Route],
        deliveries: Collection[EndpointRunner],
        sources: Collection[Dispatcher] = (),
        drain: float | None = None,
    ) -> asyncio.Task[None]:
        """Begin to close parts. It goes on when who waits for it is cancelled."""
        drain = self.configuration.run.drain_timeout if drain is None else drain
        parts = (listeners, routes, deliveries, sources)
        self._closing = asyncio.create_task(close_all(*parts, drain))
        return self._closing


def _only_in(wiring: Wiring, other: Wiring) -> list[Route]:
    """The routes of one wiring that do not go on in the other, or were not there before."""
    tails = {wired.route.tail for wired in other.routes}
    return [wired.route for wired in wiring.routes if wired.route.tail not in tails]


def _to(configuration: Configuration, endpoint: str) -> list[RouteEntry]:
    """The routes that lead to an endpoint."""
    return [entry for entry in configuration.routes if endpoint in entry.to]


def _why(problem: str) -> str:
    return f": {problem}" if problem else " yet"


def _notify_routes_changed(delivery: EndpointRunner) -> None:
    try:
        delivery.routes_changed()
    except Exception as error:
        delivery.endpoint.log.error("its on_routes_changed() failed with %r", error, exc_info=error)


async def _all(steps: Iterable[Awaitable[None]]) -> None:
    """Do all of them at once. Raises the first error when all are over."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
