"""The steps of a route that remember: on_change, limit, delay. They run on the event loop.

Each remembers by address, at most :data:`MAX_ADDRESSES` of them; the one that was heard
longest ago is forgotten first.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, TypeVar

from oscbridge.delivery import Deliverable

__all__ = [
    "MAX_ADDRESSES",
    "MAX_DELAYED",
    "Delay",
    "Limit",
    "OnChange",
    "StatefulStep",
    "StepOut",
]

MAX_ADDRESSES: Final = 10_000
"""Addresses that a step remembers, and messages that ``limit`` lets wait; beyond it the one
that waits longest is dropped."""

MAX_DELAYED: Final = 10_000
"""Messages that one route may hold back; beyond it the newest are dropped."""

StepOut: TypeAlias = Callable[[Deliverable], None]
_Value = TypeVar("_Value")


class StatefulStep(Protocol):
    """A step: messages go in, and go on to the next step or not."""

    def put(self, message: Deliverable) -> None:
        """Take a message."""

    def close(self) -> None:
        """Let go of what is held back."""


class OnChange:
    """Lets a message pass when its values differ from the last ones at its address."""

    def __init__(self, out: StepOut, drops: Counter[str]) -> None:
        self._out = out
        self._drops = drops
        self._last: OrderedDict[str, object] = OrderedDict()

    def put(self, message: Deliverable) -> None:
        value = (message.types, message.args)
        if self._last.get(message.address) == value:
            self._last.move_to_end(message.address)
            self._drops["unchanged"] += 1
            return
        remember(self._last, message.address, value)
        self._out(message)

    def close(self) -> None:
        """Nothing to let go of."""


class Limit:
    """Lets so many messages a second pass at each address.

    The latest wins and the last always arrives: what comes too soon waits, and is replaced
    by what comes after it.
    """

    def __init__(
        self, rate: float, out: StepOut, loop: asyncio.AbstractEventLoop, drops: Counter[str]
    ) -> None:
        self._every = 1.0 / rate
        self._out = out
        self._loop = loop
        self._drops = drops
        self._next: OrderedDict[str, float] = OrderedDict()
        self._waiting: dict[str, Deliverable] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def put(self, message: Deliverable) -> None:
        address = message.address
        if address in self._waiting:
            self._waiting[address] = message
            self._drops["replaced"] += 1
            return
        now = self._loop.time()
        due = self._next.get(address, now)
        if now >= due:
            remember(self._next, address, now + self._every)
            self._out(message)
            return
        if len(self._waiting) >= MAX_ADDRESSES:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            self._timers.pop(oldest).cancel()
            self._drops["limited"] += 1
        self._waiting[address] = message
        self._timers[address] = self._loop.call_at(due, self._send, address)

    def _send(self, address: str) -> None:
        del self._timers[address]
        message = self._waiting.pop(address)
        remember(self._next, address, self._loop.time() + self._every)
        self._out(message)

    def close(self) -> None:
        """Send what waits, so that the last value arrives."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        waiting, self._waiting = self._waiting, {}
        for message in waiting.values():
            self._out(message)


class Delay:
    """Holds messages back for some seconds, in order."""

    def __init__(
        self, seconds: float, out: StepOut, loop: asyncio.AbstractEventLoop, drops: Counter[str]
    ) -> None:
        self._seconds = seconds
        self._out = out
        self._loop = loop
        self._drops = drops
        # One timer for the first, as loops do not order timers that are due together.
        self._waiting: deque[tuple[float, Deliverable]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def put(self, message: Deliverable) -> None:
        if len(self._waiting) >= MAX_DELAYED:
            self._drops["delayed"] += 1
            return
        due = self._loop.time() + self._seconds
        self._waiting.append((due, message))
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._send)

    def _send(self) -> None:
        self._timer = None
        # The loop calls up to its clock's resolution early: the first is due whatever it says.
        now = max(self._loop.time(), self._waiting[0][0])
        while self._waiting and self._waiting[0][0] <= now:
            self._out(self._waiting.popleft()[1])
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._send)

    def close(self) -> None:
        """Drop what waits, and count it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._drops["stopped"] += len(self._waiting)
        self._waiting.clear()


def remember(memory: OrderedDict[str, _Value], key: str, value: _Value) -> None:
    """Put a value in, as the newest; forget the oldest beyond the bound."""
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > MAX_ADDRESSES:
        memory.popitem(last=False)
