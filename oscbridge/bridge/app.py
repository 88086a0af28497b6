"""A running system: made from a configuration, started, stopped."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final, Protocol

from oscbridge.bridge.configuration.config import Configuration
from oscbridge.bridge.listeners.forking import RoutePair
from oscbridge.bridge.listeners.listener import Listener, listen
from oscbridge.bridge.outgoing.delivery import Delivery
from oscbridge.bridge.routes.route import Route, Tail
from oscbridge.bridge.routes.steps import Steps
from oscbridge.bridge.source import Source
from oscbridge.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.os_errors import what_failed

__all__ = ["App", "Hooks"]

_log: Final = logging.getLogger(__name__)


class Hooks(Protocol):
    """The hooks of all plugins, as the system calls them."""

    def register_routes(self, dispatcher: Dispatcher, source: Source) -> None:
        """Let plugins put routes on the dispatcher of a source."""


class App:
    """All bridges, endpoints and routes of one configuration.

    :meth:`start` opens endpoints first and listens last, so that nothing comes in that has
    nowhere to go; :meth:`stop` takes nothing more in, delivers what waits, then closes.
    """

    def __init__(self, configuration: Configuration, hooks: Hooks) -> None:
        self.configuration = configuration
        self._hooks = hooks
        routed = {name for route in configuration.routes for name in route.to}
        self.endpoints: dict[str, Delivery] = {}
        """Endpoints by name."""
        for name, entry in configuration.endpoints.items():
            try:
                endpoint = entry.factory(name, entry.options)
            except Exception as error:
                raise _failed(f"endpoint.{name}", f"type {entry.type_name}", error) from error
            self.endpoints[name] = Delivery(
                endpoint,
                entry.type_name,
                entry.delivery,
                routed=name in routed,
                on_pressure=partial(self._pressure, name),
            )
        self.dispatchers: dict[str, Dispatcher] = {
            **{name: Dispatcher(name=name) for name in configuration.bridges},
            **{name: delivery.dispatcher for name, delivery in self.endpoints.items()},
        }
        """The dispatcher of every source, bridge or endpoint, by name."""
        self.listeners: dict[str, Listener] = {}
        """Servers that run, by the name of their bridge."""
        self.routes: list[Route] = []
        """The routes of the configuration, in order."""
        self._forked: dict[str, list[RoutePair]] = {
            name: [] for name, options in configuration.bridges.items() if options.mode == "forking"
        }
        self._full: set[str] = set()
        self._map_routes()

    def _map_routes(self) -> None:
        sinks = {
            name: delivery
            for name, delivery in self.endpoints.items()
            if delivery.endpoint.is_sink()
        }
        for number, entry in enumerate(self.configuration.routes, 1):
            tail = Tail([sinks[name] for name in entry.to], entry.options, entry.memory)
            route = Route(Steps(entry.spec), tail, f"route {number}")
            self.routes.append(route)
            for source in entry.sources:
                if source in self._forked:
                    self._forked[source].append(RoutePair(entry.spec, tail))
                else:
                    self.dispatchers[source].map(entry.spec.match, route)
        for name, dispatcher in self.dispatchers.items():
            self._hooks.register_routes(dispatcher, Source(name, sinks))

    def _pressure(self, endpoint: str, on: bool) -> None:
        """An endpoint with the policy ``block`` is full, or has room again."""
        self._full = self._full | {endpoint} if on else self._full - {endpoint}
        for name, listener in self.listeners.items():
            listener.pause(self._is_held(name))  # asked anew: one that goes on may fill it again

    def _is_held(self, bridge: str) -> bool:
        """Whether a bridge feeds an endpoint that is full. Plugins' routes read from all."""
        if not self._full:
            return False
        if any(not self.endpoints[name].routed for name in self._full):
            return True
        return any(
            bridge in entry.sources and self._full.intersection(entry.to)
            for entry in self.configuration.routes
        )

    async def start(self) -> None:
        """Open everything. Raises :class:`OSCBridgeError` with everything closed again."""
        try:
            for route in self.routes:
                route.tail.start()
            for name, delivery in self.endpoints.items():
                try:
                    await delivery.start()
                except Exception as error:
                    where = delivery.endpoint.describe()
                    raise _failed(f"endpoint.{name}", where, error) from error
            for name, options in self.configuration.bridges.items():
                try:
                    self.listeners[name] = await listen(
                        name, options, self.dispatchers[name], self._forked.get(name, ())
                    )
                except (OSError, TimeoutError) as error:
                    raise _failed(f"bridge.{name}", str(options.listen), error) from error
                self.listeners[name].pause(self._is_held(name))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing more in, deliver what waits within a time-out, close everything."""
        listeners = list(self.listeners.items())
        self.listeners.clear()
        for delivery in self.endpoints.values():
            delivery.release()
        for name, in_time in zip(
            (name for name, _ in listeners),
            await asyncio.gather(*(listener.stop() for _, listener in listeners)),
            strict=True,
        ):
            if not in_time:
                _log.warning("bridge.%s: handlers did not return in time", name)
        for route in self.routes:
            route.tail.stop()
        await asyncio.gather(*(delivery.stop() for delivery in self.endpoints.values()))


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
