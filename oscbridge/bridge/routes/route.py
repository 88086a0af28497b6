"""Running routes: from a source's messages to the send queues of endpoints."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from oscbridge.bridge.routes.config import RouteConfig
from oscbridge.bridge.routes.failures import RouteFailures
from oscbridge.bridge.routes.pure_steps import Out, PureSteps
from oscbridge.bridge.routes.stateful_steps import Delay, Limit, OnChange, StatefulStep, StepOut
from oscbridge.delivery import Deliverable, Delivery
from oscbridge.logs.rate_limited import RateLimitedLog
from oscbridge.options import Options
from oscbridge.osc import Message

__all__ = ["Route", "RouteSink", "StatefulSteps", "offer_to"]

_log = logging.getLogger(__name__)

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
    """

    def __init__(self, config: RouteConfig, sinks: Sequence[RouteSink]) -> None:
        self._config = config
        self._sinks = tuple(sinks)
        self._drops: Counter[str] = Counter()  # on the loop
        self._lost: Counter[str] = Counter()  # under the lock
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
            delay = Delay(config.delay, out, loop, self._drops)
            self._steps.append(delay)
            out = delay.put
        if config.limit is not None:
            limit = Limit(config.limit, out, loop, self._drops)
            self._steps.append(limit)
            out = limit.put
        if config.on_change:
            change = OnChange(out, self._drops)
            self._steps.append(change)
            out = change.put
        self._first = out

    @property
    def drops(self) -> Counter[str]:
        """Messages that did not pass, by reason."""
        with self._lock:
            return self._drops + self._lost

    def stop(self) -> None:
        """Let go of what the steps hold back."""
        self._take_waiting()
        for step in reversed(self._steps):
            step.close()
        self._steps.clear()
        self._first = self._send

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
        options = self._config.options
        offers = [offer_to(sink, options.get(sink.name), captures) for sink in self._sinks]
        if len(offers) == 1:
            return offers[0]

        def deliver(message: Message) -> None:
            for offer in offers:
                offer(message)

        return deliver

    def _send(self, message: Deliverable) -> None:
        """To the endpoints, from the last of the steps that remember."""
        if isinstance(message, Delivery):
            self._deliver(message.captures)(message.message)
            return
        for sink in self._sinks:
            sink.offer(message)

    def _enter(self, message: Deliverable) -> None:
        """Bring a message to the loop, where the remembering steps are."""
        loop = self._loop
        if threading.get_ident() == self._thread or loop is None:
            self._first(message)
            return
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self._lost["full"] += 1
            self._waiting.append(message)
            wake = len(self._waiting) == 1
        if wake:
            try:
                loop.call_soon_threadsafe(self._take_waiting)
            except RuntimeError:  # the loop is closed
                with self._lock:
                    self._lost["stopped"] += len(self._waiting)
                    self._waiting.clear()

    def _take_waiting(self) -> None:
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        for message in waiting:
            self._first(message)


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

    ``name`` is what the log calls it; it may change at a reload.
    Raises ``ValueError`` for a template or a function that cannot be used.
    """

    def __init__(
        self, config: RouteConfig, sinks: Sequence[RouteSink], name: str = "route"
    ) -> None:
        self.config = config
        self.sinks = tuple(sinks)
        self.name = name
        self.pure = PureSteps(config, self._report)
        self.stateful = StatefulSteps(config, sinks)
        self.failures = RouteFailures()
        self._log = RateLimitedLog(_log)

    def __repr__(self) -> str:
        return self.name

    def bind(
        self, address: str, types: str | None, captures: dict[str, str]
    ) -> Callable[[Message], None] | None:
        """What to call with every message that has this address and these type tags."""
        return self.pure.bind(address, types, captures, self.stateful.out(captures))

    @property
    def drops(self) -> Counter[str]:
        """Messages that were dropped, by reason."""
        return self.stateful.drops + self.pure.drops

    def flush_reports(self, *, everything: bool = False) -> None:
        """Log the summaries of suppressed lines that are due; with ``everything``, all of them."""
        self._log.flush(everything=everything)

    def _report(self, reason: str, text: str, error: BaseException | None) -> None:
        level = logging.WARNING if error is None else logging.ERROR
        self.failures.note(text)
        text = f"{self.name}: 1 message lost: {text}"
        self._log.report(reason, text, level=level, error=error)
