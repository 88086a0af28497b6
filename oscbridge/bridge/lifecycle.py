"""The parts of a running system: how they are made, opened and closed, and their errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from oscbridge.bridge.broken_endpoint import BrokenEndpoint, broken_type
from oscbridge.bridge.clients.attaching import drain_clients, sends_to_clients
from oscbridge.bridge.config.bridge_models import BridgeOptions
from oscbridge.bridge.config.resolved import Configuration, EndpointEntry
from oscbridge.bridge.new_endpoint import problem_of
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.sinks.drops import several
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.bridge.sources.listener import Listener, listen
from oscbridge.contract.abilities import SharesMedium
from oscbridge.dispatch.dispatcher import Dispatcher
from oscbridge.dispatch.turn import Turn
from oscbridge.errors import OSCBridgeError
from oscbridge.exit_guard import exits_refused
from oscbridge.failures import defined_at, failure_text
from oscbridge.net.os_errors import what_failed

__all__ = [
    "RETRY_INTERVAL",
    "all_of",
    "can_keep",
    "close_all",
    "connect_all",
    "flush_all",
    "introduce",
    "make_dispatchers",
    "make_runner",
    "notify_routes_changed",
    "open_listener",
    "reason_of",
    "run_all",
]

RETRY_INTERVAL: Final = 1.0
"""Seconds between attempts to start the server of a bridge with ``on_start = "retry"``."""

LISTEN_TIMEOUT: Final = 15.0
"""Seconds for a bridge to start listening, the lookup of its host name included."""

_log: Final = logging.getLogger(__name__)


def make_runner(
    name: str,
    entry: EndpointEntry,
    equip: Callable[[EndpointRunner], None],
    allow_broken: bool = False,
) -> EndpointRunner:
    """An endpoint with its runner; opens nothing. Raises :class:`OSCBridgeError`.

    ``equip`` gives it what it needs. With ``allow_broken``, one that cannot be created is replaced
    by one that never connects.
    """
    try:
        return _make_runner(name, entry, equip)
    except OSCBridgeError as error:
        if not allow_broken:
            raise
        _log.error("%s", error, exc_info=error.__cause__)
        runner = _make_runner(name, _broken_entry(entry, str(error)), equip)
        runner.routes = ()
        return runner


def _make_runner(
    name: str, entry: EndpointEntry, equip: Callable[[EndpointRunner], None]
) -> EndpointRunner:
    try:
        with exits_refused():
            endpoint = entry.factory(name, entry.options)
            problem = problem_of(endpoint, name, entry.options)
            if not problem:
                runner = EndpointRunner(endpoint, entry.type_name, entry.runner)
                equip(runner)  # properties of the plugin are set there
    except BaseException as error:
        reason = reason_of(error, "the plugin", defined_at(entry.factory))
        raise OSCBridgeError(f"endpoint.{name}: type {entry.type_name}: {reason}") from error
    if problem:
        raise OSCBridgeError(f"endpoint.{name}: type {entry.type_name}: the plugin: {problem}")
    runner.read_certificates(entry.options)
    return runner


def _broken_entry(entry: EndpointEntry, why: str) -> EndpointEntry:
    """The entry of an endpoint that never connects, in place of one that cannot be created."""
    options = BrokenEndpoint.options_type()
    runner = replace(entry.runner, on_start="retry")
    return EndpointEntry(entry.type_name, broken_type(why), options, runner)


def introduce(runners: Mapping[str, EndpointRunner]) -> None:
    """Make the endpoints of one type with :class:`SharesMedium` known to each other."""
    endpoints = [runner.endpoint for runner in runners.values()]
    for endpoint in endpoints:
        if isinstance(endpoint, SharesMedium):
            others = [e for e in endpoints if type(e) is type(endpoint) and e is not endpoint]
            try:
                endpoint.neighbours = tuple(others)
            except BaseException as error:  # a property of the plugin
                endpoint.log.error("neighbours cannot be set: %s", failure_text(error))


def can_keep(runner: EndpointRunner | None, old: EndpointEntry | None, new: EndpointEntry) -> bool:
    """Whether a running endpoint accepts its new configuration without a restart.

    Raises :class:`OSCBridgeError` if it rejects the new options.
    """
    if runner is None or old is None or runner.left_alone:
        return False
    if (old.type_name, old.factory, old.runner) != (new.type_name, new.factory, new.runner):
        return False
    try:
        return runner.update(new.options)
    except BaseException as error:
        raise _failed(f"endpoint.{runner.name}", runner.describe(), error) from error


def make_dispatchers(
    turn: Turn,
    endpoints: Mapping[str, EndpointRunner],
    existing: Mapping[str, Dispatcher],
    bridges: Iterable[str],
    restarted: Collection[str] = (),
) -> dict[str, Dispatcher]:
    """The dispatchers of all sources, by name.

    A bridge keeps its ``existing`` dispatcher, with its counters and its scheduled messages. If
    it is ``restarted`` it gets a new one that shares them, as the old server finishes with
    the old routes and limits.
    """
    dispatchers = {name: each.dispatcher for name, each in endpoints.items()}
    for name, dispatcher in dispatchers.items():
        dispatcher.part = f"endpoint.{name}"
    for name in bridges:
        old = existing.get(name)
        if old is not None and name not in restarted:
            dispatchers[name] = old
            continue
        scheduler = None if old is None else old.scheduler
        dispatcher = dispatchers[name] = Dispatcher(name=name, scheduler=scheduler, adds_slash=True)
        dispatcher.part, dispatcher.turn = f"bridge.{name}", turn
        if old is not None:
            dispatcher.statistics = old.statistics
    return dispatchers


async def connect(runner: EndpointRunner) -> None:
    """Connect an endpoint at the start. Raises :class:`OSCBridgeError`."""
    try:
        await runner.start()
    except Exception as error:
        where = runner.describe()
        raise _failed(f"endpoint.{runner.name}", where, error) from error


async def connect_all(runners: Mapping[str, EndpointRunner], *, bridges: bool) -> None:
    """Connect the sinks of bridges, which listen by then, or all other endpoints.

    Raises :class:`OSCBridgeError`.
    """
    chosen = [each for each in runners.values() if sends_to_clients(each) is bridges]
    await all_of(connect(each) for each in chosen)


async def open_listener(
    name: str, options: BridgeOptions, dispatcher: Dispatcher, routes: Sequence[Route]
) -> Listener:
    """Start the server of a bridge. Raises :class:`OSCBridgeError`."""
    try:
        async with asyncio.timeout(LISTEN_TIMEOUT):
            return await listen(name, options, dispatcher, routes)
    except Exception as error:  # RuntimeError: no more threads
        raise _failed(f"bridge.{name}", str(options.listen), error, "the server") from error


def notify_routes_changed(
    runners: Mapping[str, EndpointRunner], old: Configuration, new: Configuration
) -> None:
    """Notify endpoints if a reload changed the routes that lead to them."""
    for name, runner in runners.items():
        if old.routes_with(name) == new.routes_with(name):
            continue
        try:
            runner.routes_changed()
        except BaseException as error:
            text = failure_text(error)
            runner.endpoint.log.error("on_routes_changed failed: %s", text, exc_info=error)


async def close_all(
    listeners: Mapping[str, Listener],
    routes: Iterable[Route],
    runners: Collection[EndpointRunner],
    sources: Iterable[Dispatcher],
    drain: float,
) -> None:
    """Close parts in the order in which messages pass them, so that each can still deliver.

    Scheduled messages of ``sources`` are lost. Endpoints have ``drain`` seconds to deliver
    queued messages. A part that fails does not prevent the others from being closed, and
    raises nothing.
    """
    for runner in runners:
        runner.release()
    await run_all(drain_clients(runners, drain))
    await run_all(
        [
            *(_close_listener(name, each) for name, each in listeners.items()),
            *(each.unsubscribe() for each in runners),
        ]
    )
    for route in routes:
        _stop_route(route)
    for source in sources:
        if waiting := len(source.scheduler):
            source.scheduler.clear()
            source.statistics.dropped["waiting"] += waiting
            _log.warning("%s: %s lost: their time tags lie ahead", source.part, several(waiting))
        source.flush_reports(everything=True)
    await run_all(_close_runner(each, drain) for each in runners)


async def _close_listener(name: str, listener: Listener) -> None:
    if not await listener.stop():
        _log.warning("bridge.%s: handlers did not return in time", name)
    listener.flush_reports(everything=True)


def _stop_route(route: Route) -> None:
    failed = route.stateful.counts.failed
    before = failed["stopped"]
    route.stateful.stop()
    held = failed["stopped"] - before
    if held:
        _log.warning("%s: %s lost: still delayed", route.name, several(held))
    route.flush_reports(everything=True)


async def _close_runner(runner: EndpointRunner, drain: float) -> None:
    await runner.stop(drain)
    runner.flush_reports(everything=True)


async def run_all(steps: Iterable[Awaitable[None]]) -> None:
    """Run all steps concurrently. Errors are logged, not raised."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, BaseException):
            text = failure_text(result)
            _log.error("a part of the bridge failed: %s", text, exc_info=result)


def flush_all(
    sources: Iterable[Dispatcher],
    listeners: Iterable[Listener],
    runners: Iterable[EndpointRunner],
    routes: Iterable[Route],
    *,
    everything: bool,
) -> None:
    """Log overdue summaries of all parts, or ``everything``."""
    for source in sources:
        source.flush_reports(everything=everything)
    for listener in listeners:
        listener.flush_reports(everything=everything)
    for runner in runners:
        runner.flush_reports(everything=everything)
    for route in routes:
        route.flush_reports(everything=everything)


async def all_of(steps: Iterable[Awaitable[None]]) -> None:
    """Run all steps concurrently. Raises the first error after all have finished."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, asyncio.CancelledError):  # by itself: this task is not cancelled
            raise OSCBridgeError(f"a part of the bridge cancelled itself: {failure_text(result)}")
        if isinstance(result, BaseException):
            raise result


def _failed(what: str, where: str, error: BaseException, who: str = "the plugin") -> OSCBridgeError:
    """The error with its part, its address and its reason."""
    reason = reason_of(error, who)
    return OSCBridgeError(": ".join(part for part in (what, where, reason) if part))


def reason_of(error: BaseException, who: str = "it", called: str = "") -> str:
    """The reason of a failure, in words. ``who`` raised it, if it is not an expected error.

    ``called`` as in :func:`failure_text`.
    """
    match error:
        case OSError():
            return what_failed(error)
        case OSCBridgeError():
            return str(error)
    return f"{who} failed: {failure_text(error, called)}"
