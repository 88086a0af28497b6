"""Running routes: from a source's messages to the send queues of endpoints."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.failures import RouteFailures
from oscbridge.bridge.routes.pure_steps import Out, PureSteps
from oscbridge.bridge.routes.stateful_steps import (
    Delay,
    Limit,
    LossReport,
    OnChange,
    StateBounds,
    StatefulStep,
    StepOut,
)
from oscbridge.delivery import Deliverable, Delivery
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.options import Options
from oscbridge.osc import Message

__all__ = ["MUTED", "Route", "RouteSink", "StatefulSteps", "offer_to"]

_log = logging.getLogger(__name__)

MUTED: Final = "muted"
"""The step that filters the messages of a muted route."""

MAX_WAITING = 10_000
"""Messages that may wait on the way from a thread to the stateful steps on the loop."""


class RouteSink(Protocol):
    """An endpoint as a route sees it."""

    @property
    def name(self) -> str:
        """The name in the configuration."""

    @property
    def takes_route(self) -> bool:
        """Whether the endpoint's type has options of its own in a route."""

    def offer(self, message: Deliverable) -> None:
        """Take a message for delivery. From any thread; never raises.

        It waits only under the policy ``block``, and never on the event loop.
        """


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
        self._steps: list[StatefulStep] = []
        self._first: StepOut = self._send
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._waiting: deque[Deliverable] = deque()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Create the stateful steps, on the loop that they run on."""
        config = self._config
        self._loop = loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        out: StepOut = self._send
        if config.delay is not None:
            delay = Delay(config.delay, out, loop, self.counts, self._lose)
            self._steps.append(delay)
            out = delay.put
        if config.limit is not None:
            states = StateBounds(self.counts, config.max_addresses, self._warn)
            limit = Limit(config.limit, out, loop, self.counts, self._lose, states)
            self._steps.append(limit)
            out = limit.put
        if config.on_change:
            states = StateBounds(self.counts, config.max_addresses, self._warn)
            change = OnChange(out, self.counts, states)
            self._steps.append(change)
            out = change.put
        self._first = out

    def _warn(self) -> None:
        """Say once that the steps do not know all addresses."""
        steps = " and ".join(
            name
            for name, is_set in (
                ("on_change", self._config.on_change),
                ("limit", self._config.limit is not None),
            )
            if is_set
        )
        text = f"more than {self._config.max_addresses} addresses: {steps} may let messages pass"
        self._log_warning(f"{text}; raise max_addresses in [run]")

    @property
    def held(self) -> int:
        """Messages that wait in a step, or on the way to the loop."""
        return len(self._waiting) + sum(step.held for step in self._steps)

    def stop(self) -> None:
        """Let go of what the steps hold back."""
        self._take_waiting()
        for step in reversed(self._steps):
            step.close()
        self._steps.clear()
        self._first = self._send

    def discard(self, step: str) -> None:
        """Count held messages as filtered by ``step``, and begin again without state."""
        with self._lock:
            held = self.held
            self._waiting.clear()
        for each in self._steps:
            each.discard()
        if held:
            self.counts.filter(step, held)
        if self._steps:
            self._steps.clear()
            self.start()

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
        """To the endpoints, from the last of the steps that remember."""
        if isinstance(message, Delivery):
            self._deliver(message.captures)(message.message)
            return
        self.counts.passed += 1
        for sink in self._sinks:
            sink.offer(message)

    def _enter(self, message: Deliverable) -> None:
        """Bring a message to the loop, where the remembering steps are."""
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


def offer_to(sink: RouteSink, options: Options | None, captures: Mapping[str, str]) -> Out:
    """How a sink is given a message: with what the route says, if it wants that."""
    put = sink.offer
    if not sink.takes_route:
        return put

    def offer(message: Message) -> None:
        put(Delivery(message, options, captures))

    return offer


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
    ) -> None:
        self.config = config
        self.sinks = tuple(sinks)
        self.name = name
        self.id = ""
        """See :func:`~oscbridge.bridge.routes.naming.route_ids`."""
        self.counts: RouteCounts = RouteCounts() if previous is None else previous.counts
        """What became of the messages that it took."""
        before = None if previous is None else previous.results
        self.results: RouteCounts | None = (
            None if config.function is None else before or RouteCounts()
        )
        """With a function, what became of the messages that it made; each message that the
        function makes others of has passed."""
        self.failures = RouteFailures()
        self.pure = PureSteps(config, self._report, self.counts)
        behind = self.counts if self.results is None else self.results
        self.stateful = StatefulSteps(config, sinks, behind, self._report, self._warn)
        self._log = RateLimitedLog(_log)

    def __repr__(self) -> str:
        return self.name

    @property
    def is_muted(self) -> bool:
        """Whether it lets no message pass; read when it is bound."""
        return self.counts.is_muted

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], None]:
        """What to call with every message that has this address and these type tags."""
        counts = self.counts
        if self.is_muted:
            return lambda _message: counts.filter(MUTED)
        bound = self.pure.bind(address, types, captures, self.stateful.out(captures))
        return bound or (lambda _message: counts.filter("types"))

    def take_result(self, message: Message, captures: Mapping[str, str]) -> None:
        """Take a message that its pure steps have made in another process."""
        if self.is_muted:  # it was made before the other process knew
            self.stateful.counts.filter(MUTED)
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

    def _warn(self, text: str) -> None:
        _log.warning("%s: %s", self.name, text)

    def _report(self, reason: str, text: str, error: BaseException | None = None) -> None:
        level = logging.WARNING if error is None else logging.ERROR
        self.failures.note(text)
        text = f"{self.name}: 1 message lost: {text}"
        self._log.report(reason, text, level=level, error=error)
