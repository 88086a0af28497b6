"""Running routes: from a source's messages to the send queues of endpoints."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from oscbridge.bridge.routes.binding_cache import BindingCache
from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.failures import RouteFailures
from oscbridge.bridge.routes.json_step import JSONStep
from oscbridge.bridge.routes.out import Out
from oscbridge.bridge.routes.pure_steps import PureSteps
from oscbridge.bridge.routes.route_sink import RouteSink, offer_to
from oscbridge.bridge.routes.stateful_steps.chain import StepChain
from oscbridge.bridge.routes.stateful_steps.step import (
    LossReport,
    StateBounds,
    StepOut,
    without_forwarded_tag,
)
from oscbridge.bridge.routes.variable_steps import VariableSteps
from oscbridge.bridge.routes.variables import Variables
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.osc import Message

__all__ = ["MUTED", "Route", "StatefulSteps"]

_log = logging.getLogger(__name__)

MUTED: Final = "muted"
"""The step that filters the messages of a muted route."""

MAX_WAITING = 10_000
"""Messages that may wait on the way from a thread to the stateful steps on the loop."""


class StatefulSteps:
    """The half of a route that runs in the bridge process: stateful steps, then the endpoints.

    :meth:`start`, :meth:`stop` and the steps run on the event loop, :meth:`out` on any thread.
    ``counts`` counts the messages that it takes; ``log_loss`` is called with the reason and a
    line about a message that a step loses.
    """

    def __init__(
        self,
        config: RouteConfig,
        sinks: Sequence[RouteSink],
        counts: RouteCounts,
        log_loss: LossReport,
        log_warning: Callable[[str], None],
    ) -> None:
        self._config = config
        self._sinks = tuple(sinks)
        self.counts = counts
        self._log_loss = log_loss
        self._log_warning = log_warning
        self._plain = not any(sink.takes_route for sink in sinks)
        self._chain: StepChain | None = None
        self._drops_tags = config.takes_time
        self._first: StepOut = self._send
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._waiting: deque[Deliverable] = deque()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Create the stateful steps, on the loop that they run on."""
        self._loop = loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._chain = StepChain(
            self._config,
            self._send,
            self._send_more,
            loop,
            self.counts,
            self._lose,
            self._log_warning,
        )
        self._first = self._chain.put

    @property
    def held(self) -> int:
        """Messages that wait in a step, or on the way to the loop."""
        return len(self._waiting) + (0 if self._chain is None else self._chain.held)

    def stop(self) -> None:
        """Let go of what the steps hold back."""
        self._take_waiting()
        if self._chain is not None:
            self._chain.close()
            self._chain = None
        self._first = self._send

    def discard(self, step: str) -> None:
        """Count held messages as filtered by ``step``, and begin again without state."""
        with self._lock:
            held = self.held
            self._waiting.clear()
        if self._chain is not None:
            self._chain.discard()
            self.start()
        if held:
            self.counts.filter(step, held)

    def out(self, captures: Mapping[str, str]) -> Out:
        """Where the pure steps put what they make of a message. From any thread."""
        if not self._config.is_stateful:
            return self._deliver(captures)
        if self._plain:
            return self._enter

        def enter(message: Message) -> None:
            self._enter(Delivery(message, None, captures))  # a step may keep it

        return enter

    def _deliver(self, captures: Mapping[str, str]) -> Out:
        """Straight to the endpoints."""
        options, counts = self._config.options, self.counts
        offers = [offer_to(sink, options.get(sink.name), captures) for sink in self._sinks]
        if len(offers) == 1:
            (first,) = offers

            def deliver_to_one(message: Message) -> None:
                counts.passed += 1
                first(message)

            return deliver_to_one

        def deliver(message: Message) -> None:
            counts.passed += 1
            for offer in offers:
                offer(message)

        return deliver

    def _send(self, message: Deliverable) -> None:
        """To the endpoints, from the last of the stateful steps."""
        self.counts.passed += 1
        self._send_more(message)

    def _send_more(self, message: Deliverable) -> None:
        """The same for a message that a step has added to those that the route took."""
        if isinstance(message, Delivery):
            options = self._config.options
            for sink in self._sinks:
                offer_to(sink, options.get(sink.name), message.captures)(message.message)
            return
        for sink in self._sinks:
            sink.offer(message)

    def _enter(self, message: Deliverable) -> None:
        """Bring a message to the loop, where the stateful steps are."""
        if self._drops_tags and message.timetag is not None:
            message = without_forwarded_tag(message)
        loop = self._loop
        if threading.get_ident() == self._thread or loop is None:
            self._first(message)
            return
        with self._lock:
            is_full = len(self._waiting) >= MAX_WAITING
            if is_full:
                self._waiting.popleft()
            self._waiting.append(message)
            wake = len(self._waiting) == 1
        if is_full:
            self._lose("full", f"more than {MAX_WAITING} messages wait for the route's steps")
        if wake:
            try:
                loop.call_soon_threadsafe(self._take_waiting)
            except RuntimeError:  # the loop is closed
                with self._lock:
                    self.counts.fail("stopped", len(self._waiting))
                    self._waiting.clear()

    def _take_waiting(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for message in waiting:
            self._first(message)

    def _lose(self, reason: str, text: str) -> None:
        self.counts.fail(reason)
        self._log_loss(reason, text)


class Route:
    """One running ``[[route]]``, as a handler of a dispatcher (a ``Bindable``).

    ``name`` is what the log calls it; it may change at a reload. A route that takes the place
    of a ``previous`` one counts on, and stays muted.
    Raises ``ValueError`` for a template or a function that cannot be used.
    """

    def __init__(
        self,
        config: RouteConfig,
        sinks: Sequence[RouteSink],
        name: str = "route",
        previous: Route | None = None,
        variables: Variables | None = None,
    ) -> None:
        self.config = config
        self.sinks = tuple(sinks)
        self.name = name
        self.id = ""
        """See :func:`~oscbridge.bridge.routes.naming.route_ids`."""
        self.counts: RouteCounts = RouteCounts() if previous is None else previous.counts
        """What became of the messages that it took."""
        before = None if previous is None else previous.results
        makes_others = config.function is not None or config.json is not None
        self.results: RouteCounts | None = before or RouteCounts() if makes_others else None
        """With a function or ``json``, what became of the messages that it made; each message that
        it makes others of has passed."""
        self.failures = RouteFailures()
        behind = self.counts if self.results is None else self.results
        steps = None
        if config.has_variables:
            states = StateBounds(behind, config.max_addresses, self._warn_of_edge)
            steps = VariableSteps(config, variables or Variables(), states)
        self._json = (
            None if config.json is None else JSONStep(config.json, self.counts, self._report)
        )
        pure_counts = self.counts if self._json is None else behind
        self.pure = PureSteps(config, self._report, pure_counts, variables=steps)
        self.stateful = StatefulSteps(config, sinks, behind, self._report, self._warn)
        self._bindings = BindingCache(self.bind)
        self._log = RateLimitedLog(_log)

    def __repr__(self) -> str:
        return self.name

    @property
    def is_muted(self) -> bool:
        """Whether it lets no message pass; read when it is bound."""
        return self.counts.is_muted

    def bind(self, address: str, types: str | None, captures: Mapping[str, str]) -> Out:
        """What to call with every message that has this address and these type tags."""
        counts = self.counts
        if self.is_muted:
            return lambda _message: counts.filter(MUTED)
        if self._json is not None:
            return self._json.bind(address, captures, self._bind_pure)
        return self._bind_pure(address, types, captures)

    def _bind_pure(self, address: str, types: str | None, captures: Mapping[str, str]) -> Out:
        bound = self.pure.bind(address, types, captures, self._out(captures))
        if bound is not None:
            return bound
        step, counts = self.pure.filter(address, types, captures), self.pure.counts
        return lambda _message: counts.filter(step)

    def _out(self, captures: Mapping[str, str]) -> Out:
        out, carried = self.stateful.out, self.pure.carried
        if carried is None:
            return out(captures)
        return lambda message: out(carried.added_to(captures))(message)

    def take(self, message: Message, captures: Mapping[str, str]) -> None:
        """Run the steps that a worker has left to the bridge process."""
        if self.is_muted:  # it may have been made before the worker knew
            self.stateful.counts.filter(MUTED)
        elif self.config.needs_bridge:
            self._bindings.get(message.address, message.types, captures)(message)
        else:
            self.stateful.out(captures)(message)

    def count_dropped(self, reason: str, count: int, why: str) -> None:
        """Count messages that were lost in another process."""
        self.failures.note(why)
        # Where there is a function, it made the message that does not fit into a record.
        is_result = reason in ("encode", "oversize")
        (self.stateful.counts if is_result else self.counts).fail(reason, count)

    def add_counts(self, passed: int, filtered: Mapping[str, int]) -> None:
        """Count messages that its pure steps passed or filtered out in another process."""
        self.counts.passed += passed
        for step, count in filtered.items():
            self.counts.filter(step, count)

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log the summaries of suppressed lines that are due; with ``everything``, all of them."""
        self._log.flush(everything=everything)

    def _warn_of_edge(self) -> None:
        text = f"more than {self.config.max_addresses} addresses: edge may let messages pass"
        self._warn(f"{text}; raise max_addresses in [run]")

    def _warn(self, text: str) -> None:
        _log.warning("%s: %s", self.name, text)

    def _report(self, reason: str, text: str, error: BaseException | None = None) -> None:
        level = logging.WARNING if error is None else logging.ERROR
        self.failures.note(text)
        text = f"{self.name}: 1 message lost: {text}"
        self._log.report(reason, text, level=level, error=error)
