"""What the stateful steps of a route have in common."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from oscbridge.bridge.routes.counts import RouteCounts
from oscbridge.contract.delivery import Deliverable, Delivery
from oscbridge.dispatch.forwarded_tag import ForwardedTag

__all__ = ["LossReport", "StateBounds", "StatefulStep", "StepOut", "without_forwarded_tag"]

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


def without_forwarded_tag(message: Deliverable) -> Deliverable:
    """The message without a time tag that a sink would send: it is to be sent later.

    All messages of a route lose it: one that a step passes at once must not be overtaken.
    """
    if isinstance(message, Delivery):
        inner = message.message
        if isinstance(inner.timetag, ForwardedTag):
            return message._replace(message=inner._replace(timetag=None))
        return message
    return message._replace(timetag=None) if isinstance(message.timetag, ForwardedTag) else message
