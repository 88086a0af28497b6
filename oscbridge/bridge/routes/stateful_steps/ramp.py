"""``ramp``: glides from value to value."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.bridge.routes.stateful_steps.step import StateBounds, StepOut
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.osc import Argument, TimeTag

__all__ = ["MAX_RAMPS", "RAMP_RATE", "Ramp"]

RAMP_RATE: Final = 50.0
"""Messages per second per address of a ramp."""

MAX_RAMPS: Final = 1_000
"""Addresses of one route that glide at once; above it a new value passes at once."""

_Args = tuple[Argument, ...]


class _Glide(NamedTuple):
    """An address on its way to a value."""

    since: float
    start: _Args
    target: Deliverable


class Ramp:
    """Moves the numbers of an address to those of its latest message within ``seconds``.

    The first message at an address passes at once, and so does one without a number to move:
    the numbers of its arguments are those of the last message sent, or their count differs.
    Other arguments change at once. A message that arrives during a ramp starts another one where
    the address is, and the earlier message is filtered out.

    ``step`` sends the messages on the way, ``out`` the last one, which is the incoming message
    itself: one that becomes many is counted once.
    """

    def __init__(
        self,
        seconds: float,
        step: StepOut,
        out: StepOut,
        loop: asyncio.AbstractEventLoop,
        counts: RouteCounts,
        states: StateBounds,
        warn: Callable[[str], None],
    ) -> None:
        self._seconds = seconds
        self._step = step
        self._out = out
        self._loop = loop
        self._counts = counts
        self._states = states
        self._warn = warn
        self._is_warned = False
        self._sent: OrderedDict[str, _Args] = OrderedDict()
        """The arguments that were sent last, by address."""
        self._glides: dict[str, _Glide] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        return len(self._glides)

    def put(self, message: Deliverable) -> None:
        address, now = message.address, self._loop.time()
        glide = self._glides.pop(address, None)
        start = self._sent.get(address)
        if glide is not None:
            self._counts.filter("ramp")
            start = self._at(glide, now)
        if start is None or not _moves(start, message.args) or self._is_full():
            self._finish(message)
            return
        self._glides[address] = _Glide(now, start, message)
        if self._timer is None:
            self._set_timer(now)

    def _is_full(self) -> bool:
        if len(self._glides) < MAX_RAMPS:
            return False
        if not self._is_warned:
            self._is_warned = True
            self._warn(f"more than {MAX_RAMPS} addresses in a ramp: others jump to their values")
        return True

    def _at(self, glide: _Glide, now: float) -> _Args:
        """The arguments at a time during a ramp."""
        part = min(max((now - glide.since) / self._seconds, 0.0), 1.0)
        args = glide.target.args
        return tuple(_between(old, new, part) for old, new in zip(glide.start, args, strict=True))

    def _set_timer(self, now: float) -> None:
        first = min(glide.since for glide in self._glides.values()) + self._seconds
        due = now + 1 / RAMP_RATE
        if due > first - 0.5 / RAMP_RATE:  # no message just before the last one
            due = max(first, now)
        self._timer = self._loop.call_at(due, self._tick, due)

    def _tick(self, expected: float) -> None:
        self._timer = None
        now = max(self._loop.time(), expected)  # the loop may be early by its clock's resolution
        for address, glide in list(self._glides.items()):
            if now >= glide.since + self._seconds:
                del self._glides[address]
                self._finish(glide.target)
                continue
            args = self._at(glide, now)
            if args != self._sent.get(address):  # whole numbers change less often
                self._states.remember(self._sent, address, args)
                self._step(_with_args(glide.target, args))
        if self._glides:
            self._set_timer(now)

    def _finish(self, message: Deliverable) -> None:
        self._states.remember(self._sent, message.address, message.args)
        self._out(message)

    def close(self) -> None:
        """Pass the messages on their way, so that the last value arrives."""
        glides = list(self._glides.values())
        self.discard()
        for glide in glides:
            self._out(glide.target)

    def discard(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._glides.clear()


def _moves(start: _Args, target: _Args) -> bool:
    """Whether there is a number to move."""
    return len(start) == len(target) and any(
        _numbers(old, new) is not None for old, new in zip(start, target, strict=True)
    )


def _numbers(old: Argument, new: Argument) -> tuple[float, float] | None:
    """Both values if they are numbers, finite and different; whole ones stay whole."""
    if isinstance(old, bool | TimeTag) or isinstance(new, bool | TimeTag):
        return None
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return None
    return (old, new) if math.isfinite(old) and math.isfinite(new) and old != new else None


def _between(old: Argument, new: Argument, part: float) -> Argument:
    """The value at a part of the way, of the type of the new one."""
    numbers = _numbers(old, new)
    if numbers is None:
        return new
    low, high = numbers
    value = low + (high - low) * part
    if not isinstance(new, int):
        return value
    # Near the limits of 64 bits a float may be outside.
    return min(max(round(value), math.floor(min(low, high))), math.ceil(max(low, high)))


def _with_args(message: Deliverable, args: _Args) -> Deliverable:
    if isinstance(message, Delivery):
        return message._replace(message=message.message._replace(args=args))
    return message._replace(args=args)
