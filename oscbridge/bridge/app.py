"""A running system: made from a configuration, started, reloaded, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final, Literal, TypeAlias

from oscbridge.bridge.configuration.config import Configuration
from oscbridge.bridge.configuration.entries import EndpointEntry, RouteEntry
from oscbridge.bridge.configuration.options import BridgeOptions
from oscbridge.bridge.listeners.listener import Listener, listen
from oscbridge.bridge.outgoing.delivery import Delivery
from oscbridge.bridge.outgoing.sender import several
from oscbridge.bridge.reload import Changes, Plan, plan
from oscbridge.bridge.routes.route import Tail
from oscbridge.bridge.wiring import Hooks, Wired, Wiring, wire
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.os_errors import what_failed
from oscbridge.osc import Message

__all__ = ["App", "AppWatcher", "Direction"]

Direction: TypeAlias = Literal["in", "out"]
AppWatcher: TypeAlias = Callable[[Direction, str, Message], None]

LISTEN_TIMEOUT: Final = 15.0
"""Seconds that a bridge is given to listen: its host's name may have to be looked up."""

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
        self.endpoints: dict[str, Delivery] = {}
        """Endpoints by name."""
        self.dispatchers: dict[str, Dispatcher] = {}
        self.listeners: dict[str, Listener] = {}
        """Servers that run, by the name of their bridge."""
        self.problems: dict[str, str] = {}
        """Why bridges do not listen that should, by name; after a reload."""
        self._leaving: set[Delivery | Listener] = set()
        self._reloading: asyncio.Task[Changes] | None = None
        self._watcher: AppWatcher | None = None
        for name, entry in configuration.endpoints.items():
            self.endpoints[name] = self._make(name, entry, configuration)
        self._wiring = wire(configuration, self.endpoints, hooks)
        self.dispatchers = self._adopted(configuration, self.endpoints, self._wiring)
        """The dispatcher of every source, bridge or endpoint, by name."""

    @property
    def routes(self) -> tuple[Wired, ...]:
        """The routes of the configuration, in order."""
        return tuple(self._wiring.routes)

    def _make(self, name: str, entry: EndpointEntry, configuration: Configuration) -> Delivery:
        try:
            endpoint = entry.factory(name, entry.options)
        except Exception as error:
            raise _failed(f"endpoint.{name}", f"type {entry.type_name}", error) from error
        return Delivery(
            endpoint,
            entry.type_name,
            entry.delivery,
            routed=configuration.routes_to(name),
            on_pressure=self._hold,
        )

    def _adopted(
        self, configuration: Configuration, endpoints: Mapping[str, Delivery], wiring: Wiring
    ) -> dict[str, Dispatcher]:
        """The dispatchers of all sources; those of new bridges and endpoints have their routes.

        A bridge keeps its dispatcher as long as its name stays, whatever else changes: what
        it has counted, and what waits for its time, stays as well.
        """
        dispatchers = {name: each.dispatcher for name, each in endpoints.items()}
        for name in configuration.bridges:
            known = name in self.configuration.bridges and name in self.dispatchers
            dispatchers[name] = self.dispatchers[name] if known else Dispatcher(name=name)
        for name, dispatcher in dispatchers.items():
            if dispatcher is not self.dispatchers.get(name):
                kind = "bridge" if name in configuration.bridges else "endpoint"
                dispatcher.part = f"{kind}.{name}"
                dispatcher.adopt(wiring.dispatchers[name])
        return dispatchers

    # --- when an endpoint is full ------------------------------------------------------------

    def _hold(self, _on: bool = False) -> None:
        """Pause bridges that feed a full endpoint with the policy ``block``; let others go on."""
        for name, listener in self.listeners.items():
            listener.pause(self._is_held(name))  # asked anew: one that goes on may fill it again

    def _is_held(self, bridge: str) -> bool:
        """Whether a bridge feeds an endpoint that is full. Plugins' routes read from all."""
        full = {name for name, each in self.endpoints.items() if each.is_pressing}
        if not full:
            return False
        if any(not self.endpoints[name].routed for name in full):
            return True
        return any(
            bridge in entry.sources and full.intersection(entry.to)
            for entry in self.configuration.routes
        )

    # --- start -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything. Raises :class:`OSCBridgeError` with everything closed again."""
        try:
            for wired in self.routes:
                wired.route.tail.start()
            for delivery in self.endpoints.values():
                delivery.open()
            await _all(self._connect(each) for each in self.endpoints.values())
            for name, options in self.configuration.bridges.items():
                dispatcher = self.dispatchers[name]
                self.listeners[name] = await self._listen(name, options, dispatcher, self._wiring)
            self._settle()
        except BaseException:
            await self.stop()
            raise

    async def _connect(self, delivery: Delivery) -> None:
        try:
            await delivery.start()
        except Exception as error:
            where = delivery.endpoint.describe()
            raise _failed(f"endpoint.{delivery.name}", where, error) from error

    async def _listen(
        self, name: str, options: BridgeOptions, dispatcher: Dispatcher, wiring: Wiring
    ) -> Listener:
        try:
            async with asyncio.timeout(LISTEN_TIMEOUT):
                return await listen(name, options, dispatcher, wiring.forked.get(name, ()))
        except (OSError, TimeoutError) as error:
            raise _failed(f"bridge.{name}", str(options.listen), error) from error

    # --- reload ------------------------------------------------------------------------------

    async def reload(self, configuration: Configuration) -> Changes:
        """Change what is another in ``configuration``; all else goes on as it is.

        Raises :class:`OSCBridgeError` when that cannot be: then nothing has changed. Two at
        once are done one after the other.
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
        kept: dict[str, Delivery] = {}
        fresh: dict[str, Delivery] = {}
        early: dict[str, Listener] = {}
        try:
            for name, entry in new.endpoints.items():
                if self._goes_on(name, entry):
                    kept[name] = self.endpoints[name]
                else:
                    fresh[name] = self._make(name, entry, new)
            todo = plan(self.configuration, new, kept)
            endpoints = {name: kept.get(name) or fresh[name] for name in new.endpoints}
            wiring = wire(new, endpoints, self._hooks, self.routes)
            dispatchers = self._adopted(new, endpoints, wiring)
            for tail in _tails(wiring) - _tails(self._wiring):
                tail.start()
            for delivery in fresh.values():
                delivery.open()
            for name in todo.early:
                early[name] = await self._listen(name, new.bridges[name], dispatchers[name], wiring)
        except BaseException:
            for delivery in kept.values():
                with suppress(Exception):
                    delivery.endpoint.update(delivery.endpoint.options)
            await asyncio.gather(
                *(listener.stop() for listener in early.values()),
                *(delivery.stop(0) for delivery in fresh.values()),
            )
            raise
        return await self._switch(new, todo, wiring, endpoints, dispatchers, early)

    def _goes_on(self, name: str, entry: EndpointEntry) -> bool:
        """Whether an endpoint goes on, with what the new configuration says of it."""
        delivery, old = self.endpoints.get(name), self.configuration.endpoints.get(name)
        if delivery is None or old is None:
            return False
        if (old.type_name, old.factory, old.delivery) != (
            entry.type_name,
            entry.factory,
            entry.delivery,
        ):
            return False
        try:
            return delivery.endpoint.update(entry.options)
        except Exception as error:
            raise _failed(f"endpoint.{name}", delivery.endpoint.describe(), error) from error

    async def _switch(
        self,
        new: Configuration,
        todo: Plan,
        wiring: Wiring,
        endpoints: dict[str, Delivery],
        dispatchers: dict[str, Dispatcher],
        early: Mapping[str, Listener],
    ) -> Changes:
        """From here on the new configuration is in force, whatever does not work yet."""
        before, old_wiring = self.endpoints, self._wiring
        leaving = [before[name] for name in todo.leaving]
        closing = [self.listeners.pop(name) for name in todo.closing if name in self.listeners]
        self._leaving.update(leaving, closing)
        for name, delivery in endpoints.items():
            delivery.endpoint.options = new.endpoints[name].options
            delivery.routed = new.routes_to(name)
        old, self.configuration = self.configuration, new
        self.endpoints, self.dispatchers, self._wiring = endpoints, dispatchers, wiring
        self.listeners.update(early)
        self.problems.clear()
        has_plugins = {name: each.is_mapped for name, each in dispatchers.items()}
        for name, mapping in wiring.dispatchers.items():
            dispatchers[name].adopt(mapping)
        for name, pairs in wiring.forked.items():
            if (
                name in self.listeners
                and name not in early
                and (
                    pairs != old_wiring.forked.get(name)
                    or dispatchers[name].is_mapped != has_plugins[name]
                )
            ):
                await self._try(name, self.listeners[name].reroute(pairs))
        await asyncio.gather(*(listener.stop() for listener in closing))
        for tail in _tails(old_wiring) - _tails(wiring):
            tail.stop()
        await self._close(leaving)
        self._leaving.clear()
        for name in todo.late:
            await self._try(name, self._relisten(name))
        await asyncio.gather(*(endpoints[name].start("retry") for name in todo.entering))
        for name, delivery in endpoints.items():
            if before.get(name) is delivery and _to(old, name) != _to(new, name):
                delivery.endpoint.rerouted()
        self._settle()
        problems = [f"bridge.{name}: {problem}" for name, problem in self.problems.items()]
        problems += [
            f"endpoint.{name}: not connected: {endpoints[name].problem}; it goes on trying"
            for name in todo.entering
            if not endpoints[name].connected
        ]
        kept = {id(wired.route.tail) for wired in old_wiring.routes}
        changed = [wired for wired in wiring.routes if id(wired.route.tail) not in kept]
        return Changes.of(todo, len(changed), problems)

    async def _relisten(self, name: str) -> None:
        self.listeners[name] = await self._listen(
            name, self.configuration.bridges[name], self.dispatchers[name], self._wiring
        )

    async def _try(self, bridge: str, step: Coroutine[object, object, None]) -> None:
        """Do a step of a reload that cannot be undone any more. A failure is noted, not raised."""
        try:
            await step
        except (OSError, TimeoutError, OSCBridgeError) as error:
            self.problems[bridge] = what_failed(error) if isinstance(error, OSError) else str(error)
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
        self.watch(None)
        leaving, self._leaving = self._leaving, set()
        deliveries = [*self.endpoints.values()]
        deliveries += [each for each in leaving if isinstance(each, Delivery)]
        listeners = list(self.listeners.items())
        listeners += [("", each) for each in leaving if not isinstance(each, Delivery)]
        self.listeners.clear()
        for delivery in deliveries:
            delivery.release()
        for name, in_time in zip(
            (name for name, _ in listeners),
            await asyncio.gather(*(listener.stop() for _, listener in listeners)),
            strict=True,
        ):
            if not in_time:
                _log.warning("bridge.%s: handlers did not return in time", name)
        for _, listener in listeners:
            listener.flush_reports(everything=True)
        for wired in self.routes:
            wired.route.tail.stop()
        for name, dispatcher in self.dispatchers.items():
            waiting = len(dispatcher.scheduler)
            if waiting:
                _log.warning("%s: %s lost: their time tags lie ahead", name, several(waiting))
        await self._close(deliveries)

    async def _close(self, deliveries: Iterable[Delivery]) -> None:
        deliveries = tuple(deliveries)
        for delivery in deliveries:
            delivery.release()
        drain = self.configuration.run.drain
        await asyncio.gather(*(delivery.stop(drain) for delivery in deliveries))


def _tails(wiring: Wiring) -> set[Tail]:
    return {wired.route.tail for wired in wiring.routes}


def _to(configuration: Configuration, endpoint: str) -> list[RouteEntry]:
    """The routes that lead to an endpoint."""
    return [entry for entry in configuration.routes if endpoint in entry.to]


async def _all(steps: Iterable[Coroutine[object, object, None]]) -> None:
    """Do all of them at once. Raises the first error when all are over."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


def _failed(what: str, where: str, error: Exception) -> OSCBridgeError:
    """An error that a stage technician can act on."""
    match error:
        case OSError():
            text = what_failed(error)
        case OSCBridgeError():
            text = str(error)
        case _:
            text = f"the plugin failed with {error!r}"
    return OSCBridgeError(": ".join(part for part in (what, where, text) if part))
