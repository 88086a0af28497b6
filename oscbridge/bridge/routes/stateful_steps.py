"""The stateful steps of a route: on_change, limit, delay. They run on the event loop.

Each keeps its state by address, for at most ``max_addresses`` of them; the least recently used
one is forgotten first, which is counted.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, TypeVar

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.delivery import Deliverable

__all__ = [
    "MAX_DELAYED",
    "Delay",
    "Limit",
    "LossReport",
    "OnChange",
    "StateBounds",
    "StatefulStep",
    "StepOut",
]

MAX_DELAYED: Final = 10_000
"""Messages that one route may delay; above it new ones are dropped."""

StepOut: TypeAlias = Callable[[Deliverable], None]
LossReport: TypeAlias = Callable[[str, str], None]
"""Counts and logs one lost message: the reason, one word, and a line about it."""
_Value = TypeVar("_Value")


class StatefulStep(Protocol):
    """A step: passes some of its messages to the next step."""

    @property
    def held(self) -> int:
        """Messages that wait in it."""

    def put(self, message: Deliverable) -> None:
        """Take a message."""

    def close(self) -> None:
        """Pass or drop waiting messages; set no more timers."""

    def discard(self) -> None:
        """Drop waiting messages, which the caller has counted; set no more timers."""


class StateBounds:
    """The bound of the addresses for which a step keeps state.

    ``on_first`` is called when the first address is forgotten.
    """

    def __init__(
        self, counts: RouteCounts, max_addresses: int, on_first: Callable[[], None]
    ) -> None:
        self.max_addresses = max_addresses
        self._counts = counts
        self._on_first = on_first
        self._is_exceeded = False

    def remember(self, states: OrderedDict[str, _Value], address: str, value: _Value) -> None:
        """Add the state of an address as the newest; forget the oldest above the bound."""
        states[address] = value
        states.move_to_end(address)
        if len(states) > self.max_addresses:
            states.popitem(last=False)
            self._counts.forgotten += 1
            if not self._is_exceeded:
                self._is_exceeded = True
                self._on_first()


class OnChange:
    """Passes a message if its values differ from the last ones at its address."""

    held = 0

    def __init__(self, out: StepOut, counts: RouteCounts, states: StateBounds) -> None:
        self._out = out
        self._counts = counts
        self._states = states
        self._last: OrderedDict[str, object] = OrderedDict()

    def put(self, message: Deliverable) -> None:
        value = (message.types, message.args)
        if self._last.get(message.address) == value:
            self._last.move_to_end(message.address)
            self._counts.filter("on_change")
            return
        self._states.remember(self._last, message.address, value)
        self._out(message)

    def close(self) -> None:
        """Nothing waits."""

    def discard(self) -> None:
        """Nothing waits."""


class Limit:
    """Passes at most ``rate`` messages per second at each address.

    The last value always arrives: a message that comes too soon waits, and is replaced by the
    next one.
    """

    def __init__(
        self,
        rate: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
        states: StateBounds,
    ) -> None:
        self._every = 1.0 / rate
        self._states = states
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        self._next: OrderedDict[str, float] = OrderedDict()
        self._waiting: dict[str, Deliverable] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        address = message.address
        if address in self._waiting:
            self._waiting[address] = message
            self._counts.filter("limit")
            return
        now = self._loop.time()
        due = self._next.get(address, now)
        if now >= due:
            self._states.remember(self._next, address, now + self._every)
            self._out(message)
            return
        if len(self._waiting) >= self._states.max_addresses:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._timers.pop(oldest).cancel()
            self._lose(
                "limited", f"more than {self._states.max_addresses} messages wait for the limit"
            )
        self._waiting[address] = message
        self._timers[address] = self._loop.call_at(due, self._send, address)

    def _send(self, address: str) -> None:
        del self._timers[address]
        message = self._waiting.pop(address)
        self._states.remember(self._next, address, self._loop.time() + self._every)
        self._out(message)

    def close(self) -> None:
        """Pass the waiting messages, so that the last value arrives."""
        waiting = list(self._waiting.values())
        self.discard()
        for message in waiting:
            self._out(message)

    def discard(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting = {}


class Delay:
    """Passes messages after some seconds, in order."""

    def __init__(
        self,
        seconds: float,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        lose: LossReport,
    ) -> None:
        self._seconds = seconds
        self._out = out
        self._loop = loop
        self._counts = counts
        self._lose = lose
        # One timer, for the first message: a loop does not order timers that are due together.
        self._waiting: deque[tuple[float, Deliverable]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._waiting)

    def put(self, message: Deliverable) -> None:
        if len(self._waiting) >= MAX_DELAYED:
            self._lose("delayed", f"more than {MAX_DELAYED} messages are delayed")
            return
        due = self._loop.time() + self._seconds
        self._waiting.append((due, message))
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._send)

    def _send(self) -> None:
        self._timer = None
        # The loop may be early by its clock's resolution: the first message is due anyway.
        now = max(self._loop.time(), self._waiting[0][0])
        while self._waiting and self._waiting[0][0] <= now:
            self._out(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._send)

    def close(self) -> None:
        """Drop and count the waiting messages."""
        if self._waiting:
            self._counts.fail("stopped", len(self._waiting))
        self.discard()

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._waiting.clear()
