"""The parts of a running system: how they are made, opened and closed; errors for people."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from typing import Final

from oscbridge.bridge.config.models import BridgeOptions
from oscbridge.bridge.config.resolved import EndpointEntry
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.forked.supervisor import RoutePair
from oscbridge.bridge.sources.listener import Listener, listen
from oscbridge.delivery import RouteInfo
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.errors import OSCBridgeError
from oscbridge.net.os_errors import what_failed

__all__ = [
    "close_all",
    "connect",
    "do_each",
    "failed",
    "make_runner",
    "open_listener",
    "reason_of",
]

LISTEN_TIMEOUT: Final = 15.0
"""Seconds that a bridge is given to listen: its host's name may have to be looked up."""

_log: Final = logging.getLogger(__name__)


def make_runner(
    name: str,
    entry: EndpointEntry,
    routes: Sequence[RouteInfo],
) -> EndpointRunner:
    """An endpoint, and the bridge's side of it; opens nothing. Raises :class:`OSCBridgeError`."""
    try:
        endpoint = entry.factory(name, entry.options)
    except Exception as error:
        raise failed(f"endpoint.{name}", f"type {entry.type_name}", error) from error
    runner = EndpointRunner(endpoint, entry.type_name, entry.delivery)
    runner.routes = routes
    return runner


async def connect(delivery: EndpointRunner) -> None:
    """Connect an endpoint as the system starts. Raises :class:`OSCBridgeError`."""
    try:
        await delivery.start()
    except Exception as error:
        where = delivery.endpoint.describe()
        raise failed(f"endpoint.{delivery.name}", where, error) from error


async def open_listener(
    name: str, options: BridgeOptions, dispatcher: Dispatcher, routes: Sequence[RoutePair]
) -> Listener:
    """Start the server of a bridge. Raises :class:`OSCBridgeError`."""
    try:
        async with asyncio.timeout(LISTEN_TIMEOUT):
            return await listen(name, options, dispatcher, routes)
    except Exception as error:  # a system without more threads says it with a RuntimeError
        raise failed(f"bridge.{name}", str(options.listen), error, "the server") from error


async def close_all(
    listeners: Mapping[str, Listener],
    routes: Iterable[Route],
    deliveries: Collection[EndpointRunner],
    sources: Iterable[Dispatcher],
    drain: float,
) -> None:
    """Close parts, in the order in which messages pass: each can still be handed on.

    What waits for its time at ``sources`` is lost. Endpoints have ``drain`` seconds to deliver
    what waits. A part that fails does not keep the others from being closed; nor is anything
    raised.
    """
    for delivery in deliveries:
        delivery.release()
    await do_each(_close_listener(name, each) for name, each in listeners.items())
    for route in routes:
        _stop_route(route)
    for source in sources:
        if waiting := len(source.scheduler):
            _log.warning("%s: %s lost: their time tags lie ahead", source.part, several(waiting))
        source.flush_reports(everything=True)
    await do_each(_close_delivery(each, drain) for each in deliveries)


async def _close_listener(name: str, listener: Listener) -> None:
    if not await listener.stop():
        _log.warning("bridge.%s: handlers did not return in time", name)
    listener.flush_reports(everything=True)


def _stop_route(route: Route) -> None:
    before = route.tail.drops["stopped"]
    route.tail.stop()
    held = route.tail.drops["stopped"] - before
    if held:
        _log.warning("%s: %s lost: its delay held them back", route.name, several(held))
    route.flush_reports(everything=True)


async def _close_delivery(delivery: EndpointRunner, drain: float) -> None:
    await delivery.stop(drain)
    delivery.flush_reports(everything=True)


async def do_each(steps: Iterable[Awaitable[None]]) -> None:
    """Do all of them at once. One that fails is in the log, and keeps no other from its end."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, Exception):
            _log.error("a part of the bridge failed with %r", result, exc_info=result)


def failed(what: str, where: str, error: Exception, who: str = "the plugin") -> OSCBridgeError:
    """An error that a stage technician can act on: what, where, and why."""
    reason = reason_of(error, who)
    return OSCBridgeError(": ".join(part for part in (what, where, reason) if part))


def reason_of(error: Exception, who: str = "it") -> str:
    """Why something failed, for people. ``who`` made it, if it is no error of ours."""
    match error:
        case OSError():
            return what_failed(error)
        case OSCBridgeError():
            return str(error)
    return f"{who} failed with {error!r}"
