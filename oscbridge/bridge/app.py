"""A running system: created from a configuration, started, reloaded, stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Mapping
from contextlib import suppress
from typing import Final

from oscbridge.access.token_failures import TokenFailures
from oscbridge.bridge.addresses.space import AddressSpace
from oscbridge.bridge.announcing import BridgeAnnouncer
from oscbridge.bridge.clients.attaching import attach_clients
from oscbridge.bridge.config.config import Configuration
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.leadership import Leadership
from oscbridge.bridge.lifecycle import (
    RETRY_INTERVAL,
    can_keep,
    close_all,
    connect_all,
    flush_all,
    introduce,
    make_dispatchers,
    make_runner,
    notify_routes_changed,
    open_listener,
    reason_of,
    run_all,
)
from oscbridge.bridge.own_traffic import OwnTraffic
from oscbridge.bridge.reload import Changes, PreparedReload, changes_of, install, open_early, plan
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.variables import Variables
from oscbridge.bridge.routing import Hooks, make_routing
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener, set_limits
from oscbridge.bridge.tasks import STOPPING, result_of
from oscbridge.bridge.watching import AppWatcher, TrafficWatchers
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.turn import Turn
from oscbridge.errors import OSCBridgeError
from oscbridge.net.site_link import SiteLink

__all__ = ["App", "AppWatcher"]

_log: Final = logging.getLogger(__name__)


class App:
    """All bridges, endpoints and routes of one configuration.

    :meth:`start` opens endpoints first and listens last, so that no message arrives before it
    can be delivered; :meth:`reload` changes what differs; :meth:`stop` delivers queued messages.
    With ``allow_broken``, an endpoint that cannot be created never connects; else it is an error.
    """

    def __init__(
        self, configuration: Configuration, hooks: Hooks, *, allow_broken: bool = False
    ) -> None:
        self.configuration = configuration
        self._hooks, self.variables = hooks, Variables(configuration.variables)
        self.endpoints: dict[str, EndpointRunner] = {}
        self.listeners: dict[str, Listener] = {}
        """Running servers, by the name of their bridge."""
        self.problems: dict[str, str] = {}
        """What failed at the last reload, by the name of the bridge."""
        self._reloading: asyncio.Task[Changes] | asyncio.Task[None] | None = None
        self._retrying: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self.watchers, self.leadership = TrafficWatchers(), Leadership(self)
        self.addresses = AddressSpace(self.watchers)
        self._turn, self._own_traffic, self.announcer = Turn(), OwnTraffic(), BridgeAnnouncer()
        self.token_failures, self.site_link = TokenFailures(), SiteLink()
        for name, entry in configuration.endpoints.items():
            self.endpoints[name] = self._make_runner(name, entry, configuration, allow_broken)
        introduce(self.endpoints)
        self.routing = make_routing(configuration, self.endpoints, hooks, None, self.variables)
        self.dispatchers = make_dispatchers(self._turn, self.endpoints, {}, configuration.bridges)
        """The dispatcher of every source, bridge or endpoint, by name."""
        self.routing.install(self.dispatchers)
        self._watch_parts()

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes of the configuration, in order."""
        return self.routing.routes

    @property
    def idle(self) -> list[str]:
        """The endpoints that no route leads to or from, including the routes of plugins."""
        return self.routing.idle(self.endpoints)

    def _make_runner(
        self, name: str, entry: EndpointEntry, new: Configuration, allow_broken: bool = False
    ) -> EndpointRunner:
        def equip(runner: EndpointRunner) -> None:
            runner.routes, runner.turn = new.routes_to[name], self._turn
            runner.backpressure.on_change = self._apply_backpressure
            runner.discovery, runner.site_link = self.announcer.discovery, self.site_link
            runner.control_access(new.tokens, self.token_failures)
            self.addresses.join(runner)

        return make_runner(name, entry, equip, allow_broken)

    def _apply_backpressure(self) -> None:
        """Pause bridges that feed an endpoint with backpressure, resume the others."""
        for name, listener in self.listeners.items():  # each that is resumed may fill sinks again
            is_stream = listener.address.scheme != "udp"
            listener.pause(self.routing.sources[name].has_backpressure(is_stream=is_stream))

    # --- start -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything. Raises :class:`OSCBridgeError` after closing everything again."""
        try:
            for route in self.routes:
                route.stateful.start()
            for runner in self.endpoints.values():
                runner.open()
            self.leadership.apply(self.configuration.run.leader)
            await connect_all(self.endpoints, bridges=False)
            for name, options in self.configuration.bridges.items():
                listening = self._listen(name)
                await (self._try(name, listening) if options.on_start == "retry" else listening)
            self._settle()
            await connect_all(self.endpoints, bridges=True)
        except BaseException:
            await self.stop()
            raise

    async def _listen(self, name: str) -> None:
        """Raises :class:`OSCBridgeError`."""
        options, routes = self.configuration.bridges[name], self.routing.sources[name].forked
        self.listeners[name] = await open_listener(name, options, self.dispatchers[name], routes)

    def _settle(self) -> None:
        """Apply backpressure and watchers to new parts; retry bridges that do not listen."""
        self.leadership.apply(self.configuration.run.leader)
        attach_clients(self.endpoints, self.listeners)
        self._own_traffic.use(self.endpoints, self.listeners, self.dispatchers)
        self.announcer.update(self.configuration.bridges, self.listeners)
        self._apply_backpressure()
        self._watch_parts()
        if self._missing() and self._retrying is None:
            self._retrying = asyncio.create_task(self._retry())

    def _missing(self) -> list[str]:
        """Bridges that do not listen, and are to be tried again."""
        bridges = self.configuration.bridges.items()
        return [n for n, each in bridges if each.on_start == "retry" and n not in self.listeners]

    async def _retry(self) -> None:
        """Start the servers of missing bridges, not during a reload, until all listen."""
        while self._missing():
            await asyncio.sleep(RETRY_INTERVAL)
            if self._reloading is None:
                self._reloading = asyncio.create_task(self._listen_again())
                await asyncio.wait([self._reloading])
                self._reloading = None
        self._retrying = None

    async def _listen_again(self) -> None:
        for name in self._missing():
            with suppress(OSCBridgeError):
                await self._listen(name)
                self.problems.pop(name, None)
                self._settle()
                _log.info("bridge.%s: listening on %s", name, self.listeners[name].address)

    # --- reload ------------------------------------------------------------------------------

    async def reload(self, configuration: Configuration) -> Changes:
        """Change what differs in ``configuration``; everything else keeps running.

        Raises :class:`OSCBridgeError` if that is not possible: then nothing has changed.
        Concurrent calls run one after the other. Only between :meth:`start` and :meth:`stop`.
        """
        while self._reloading is not None:
            await asyncio.wait([self._reloading])
        self._reloading = reloading = asyncio.ensure_future(self._reload(configuration))
        try:
            return await result_of(reloading, "the reload")
        finally:
            self._reloading = None

    async def _reload(self, new: Configuration) -> Changes:
        """First everything that may fail and can be undone; then the switch."""
        prepared = PreparedReload(new, self.variables)
        try:
            await self._prepare(prepared)
        except BaseException as error:
            closing = self._undo(prepared)
            if isinstance(error, Exception):
                await asyncio.wait([closing])
            raise
        return await self._switch(prepared)

    async def _prepare(self, prepared: PreparedReload) -> None:
        """Make the new parts and open them as far as the old ones allow."""
        new = prepared.configuration
        for name, entry in new.endpoints.items():
            old = self.configuration.endpoints.get(name)
            if can_keep(self.endpoints.get(name), old, entry):
                prepared.kept[name] = self.endpoints[name]
            else:
                prepared.fresh[name] = self._make_runner(name, entry, new)
        prepared.plan = plan(self.configuration, new, prepared.kept, self.listeners)
        runners, again, hooks = prepared.endpoints, prepared.plan.opening, self._hooks
        prepared.routing = routing = make_routing(new, runners, hooks, self.routes, self.variables)
        bridges = {name: self.dispatchers[name] for name in self.configuration.bridges}
        prepared.dispatchers = make_dispatchers(self._turn, runners, bridges, new.bridges, again)
        for name, dispatcher in prepared.dispatchers.items():
            if dispatcher is not self.dispatchers.get(name):
                routing.sources[name].install(dispatcher)
        for route in routing.without(self.routing):
            route.stateful.start()
            prepared.started.append(route)
        for runner in prepared.fresh.values():
            runner.open()
        await open_early(prepared)

    def _undo(self, prepared: PreparedReload) -> asyncio.Task[None]:
        """Close the new parts and return to the old configuration."""
        self.variables.declare(self.configuration.variables)
        for runner in prepared.kept.values():
            with suppress(BaseException):
                runner.update(runner.endpoint.options)
        for name, options in self.configuration.bridges.items():  # some share a scheduler
            set_limits(self.dispatchers[name], options.limits)
        return self._close(prepared.listeners, prepared.started, prepared.fresh.values(), drain=0)

    async def _switch(self, prepared: PreparedReload) -> Changes:
        """Make the new configuration the active one, even if some of it does not work yet."""
        new, todo, routing = prepared.configuration, prepared.plan, prepared.routing
        old, old_routing, old_dispatchers = self.configuration, self.routing, self.dispatchers
        removed = [self.endpoints[name] for name in todo.leaving]
        ending = {name: self.listeners.pop(name) for name in todo.closing if name in self.listeners}
        staying, endpoints = dict(self.listeners), prepared.endpoints
        self.configuration, self.endpoints, self.routing = new, endpoints, routing
        self.dispatchers, self.problems = prepared.dispatchers, prepared.problems
        self.listeners.update(prepared.listeners)
        install(prepared, removed)
        try:
            self._settle()
            rerouted = (
                self._try(name, listener.reroute(routing.sources[name].forked))
                for name, listener in staying.items()
            )
            await asyncio.gather(*rerouted)
        finally:
            schedulers = [each.scheduler for each in self.dispatchers.values()]
            gone = [e for e in old_dispatchers.values() if e.scheduler not in schedulers]
            closing = self._close(ending, old_routing.without(routing), removed, gone)
        await asyncio.wait([closing])
        for name in todo.late:
            await self._try(name, self._listen(name))
        self._settle()
        await run_all(endpoints[name].start("retry") for name in todo.entering)
        notify_routes_changed(prepared.kept, old, new)
        await self.addresses.settle()
        return changes_of(prepared, old, self.problems)

    async def _try(self, bridge: str, step: Awaitable[None]) -> None:
        """Run a step of a reload that cannot be undone. A failure is noted, not raised."""
        try:
            await step
        except Exception as error:
            self.problems[bridge] = reason_of(error).removeprefix(f"bridge.{bridge}: ")
            fix = "; retrying" if bridge in self._missing() else ""
            _log.error("bridge.%s: %s%s", bridge, self.problems[bridge], fix)

    # --- watching and reports ----------------------------------------------------------------

    def watch(self, watcher: AppWatcher | None) -> None:
        """Call ``watcher`` with all messages received or delivered; None for nobody."""
        self.watchers.set_main(watcher)

    def _watch_parts(self) -> None:
        self.watchers.use(self.listeners, self.dispatchers, self.endpoints)
        self.addresses.use(self.configuration, self.endpoints, self.routing.sources)
        self.routing.note_targets(self.endpoints)

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log overdue summaries, or ``everything``. To be called about once per second."""
        sources, sinks = self.dispatchers.values(), self.endpoints.values()
        flush_all(sources, self.listeners.values(), sinks, self.routes, everything=everything)

    # --- stop --------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Stop listening, deliver queued messages within a time-out, close everything."""
        if self._reloading is not None:
            self._reloading.cancel(STOPPING)
            await asyncio.wait([self._reloading])
        if self._retrying is not None:
            self._retrying.cancel()
        self.addresses.close()
        ending = [self._closing, asyncio.create_task(self.announcer.close())]
        listeners, self.listeners = self.listeners, {}
        runners, last = self.leadership.runners_to_close()
        ending.append(self._close(listeners, self.routes, runners, self.dispatchers.values()))
        await asyncio.wait([each for each in ending if each is not None])
        if last:
            await self.leadership.stop(self.configuration.run.drain_timeout)
            await asyncio.wait([self._close({}, (), last)])

    def _close(
        self,
        listeners: Mapping[str, Listener],
        routes: Collection[Route],
        runners: Collection[EndpointRunner],
        sources: Collection[Dispatcher] = (),
        drain: float | None = None,
    ) -> asyncio.Task[None]:
        """Start to close parts, in a task that outlives the caller's cancellation."""
        drain = self.configuration.run.drain_timeout if drain is None else drain
        self._closing = asyncio.create_task(close_all(listeners, routes, runners, sources, drain))
        return self._closing
