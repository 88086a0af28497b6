"""The parts of a running system as a test needs them: routes that lead to recording sinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from oscbridge.bridge.app import App
from oscbridge.bridge.config.resolved import Configuration, EndpointEntry
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.route import Route
from oscbridge.bridge.routes.trace_steps import Happened, TraceState
from oscbridge.bridge.routing import Hooks
from oscbridge.bridge.sinks.policies import RunnerOptions
from oscbridge.bridge.sinks.runner import EndpointRunner
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.contract.endpoint import AnyEndpoint
from oscbridge.osc import Message, Origin

__all__ = ["Record", "SimulatedApp"]

Record: TypeAlias = Callable[[str, Message], None]
"""Called with the name of an endpoint and a message that arrives there."""


class _RecordingRunner(EndpointRunner):
    """A sink that records the messages, in place of an endpoint that sends them."""

    def __init__(
        self, endpoint: AnyEndpoint, type_name: str, options: RunnerOptions, record: Record
    ) -> None:
        super().__init__(endpoint, type_name, options)
        self._record = record

    def offer(self, message: Deliverable) -> None:
        """Record a message."""
        self._record(self.name, message.message if isinstance(message, Delivery) else message)


class SimulatedApp(App):
    """An :class:`App` that opens nothing: start its routes, then put messages into them.

    Its routes run in this process, whatever the modes of the bridges are.
    """

    def __init__(self, configuration: Configuration, hooks: Hooks, record: Record) -> None:
        self._record = record
        bridges = {
            name: options.model_copy(update={"mode": "asyncio"})
            for name, options in configuration.bridges.items()
        }
        super().__init__(replace(configuration, bridges=bridges), hooks)

    def _make_runner(
        self, name: str, entry: EndpointEntry, new: Configuration, allow_broken: bool = False
    ) -> EndpointRunner:
        endpoint = entry.factory(name, entry.options)
        runner = _RecordingRunner(endpoint, entry.type_name, entry.runner, self._record)
        runner.routes = new.routes_to[name]
        self.addresses.join(runner)
        return runner

    def start_routes(self) -> None:
        """Start what the routes need, on the loop that they run on."""
        for route in self.routes:
            route.stateful.start()

    def stop_routes(self) -> None:
        """Stop the routes; what they hold is lost."""
        for route in self.routes:
            route.stateful.stop()

    def put(self, source: str, message: Message) -> None:
        """Put a message into the routes that read from a source."""
        message = message._replace(origin=Origin(source))
        self.dispatchers[source].dispatch_message(message, ("", 0), lambda _client, _reply: None)

    def put_traced(self, source: str, message: Message) -> TraceState:
        """The same. Returns the state for the trace of the message."""
        variables = self.variables.snapshot()
        reading = {
            number: _Tally(route)
            for number, route in enumerate(self.routes, 1)
            if source in route.config.sources
        }
        self.put(source, message)
        return TraceState(variables, {number: each.end() for number, each in reading.items()})


class _Tally:
    """Counts what one route does with a message."""

    def __init__(self, route: Route) -> None:
        self._counts = [each for each in (route.counts, route.results) if each is not None]
        self._before = [_counted(each) for each in self._counts]

    def end(self) -> Happened:
        filtered: Counter[str] = Counter()
        passed = lost = 0
        for counts, before in zip(self._counts, self._before, strict=True):
            now = _counted(counts)
            filtered += Counter(now.filtered) - Counter(before.filtered)
            lost += now.lost - before.lost
            passed = now.passed - before.passed  # of the last ones: those behind the function
        return Happened(filtered, passed, lost)


def _counted(counts: RouteCounts) -> Happened:
    return Happened(counts.filtered.copy(), counts.passed, counts.failed.total())
