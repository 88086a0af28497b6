"""A running system: made from a configuration, started, stopped."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from oscbridge.bridge.config import Configuration
from oscbridge.bridge.delivery import Delivery
from oscbridge.bridge.listener import Listener, listen
from oscbridge.bridge.route import Route
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
            self.endpoints[name] = Delivery(endpoint, entry.type_name, routed=name in routed)
        self.dispatchers: dict[str, Dispatcher] = {
            **{name: Dispatcher(name=name) for name in configuration.bridges},
            **{name: delivery.dispatcher for name, delivery in self.endpoints.items()},
        }
        """The dispatcher of every source, bridge or endpoint, by name."""
        self.listeners: dict[str, Listener] = {}
        """Servers that run, by the name of their bridge."""
        self._map_routes()

    def _map_routes(self) -> None:
        sinks = {
            name: delivery
            for name, delivery in self.endpoints.items()
            if delivery.endpoint.is_sink()
        }
        for route in self.configuration.routes:
            handler = Route(route.match, [sinks[name] for name in route.to])
            for source in route.sources:
                self.dispatchers[source].map(route.match, handler)
        for name, dispatcher in self.dispatchers.items():
            self._hooks.register_routes(dispatcher, Source(name, sinks))

    async def start(self) -> None:
        """Open everything. Raises :class:`OSCBridgeError` with everything closed again."""
        try:
            for name, delivery in self.endpoints.items():
                try:
                    await delivery.start()
                except Exception as error:
                    where = delivery.endpoint.describe()
                    raise _failed(f"endpoint.{name}", where, error) from error
            for name, options in self.configuration.bridges.items():
                try:
                    self.listeners[name] = await listen(options, self.dispatchers[name])
                except OSError as error:
                    raise _failed(f"bridge.{name}", str(options.listen), error) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take nothing more in, deliver what waits within a time-out, close everything."""
        listeners = list(self.listeners.items())
        self.listeners.clear()
        for name, in_time in zip(
            (name for name, _ in listeners),
            await asyncio.gather(*(listener.stop() for _, listener in listeners)),
            strict=True,
        ):
            if not in_time:
                _log.warning("bridge.%s: handlers did not return in time", name)
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
