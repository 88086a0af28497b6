"""What the controls of a running system do: how often they send, and which values."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeGuard

from oscbridge.contract.control_facts import ControlFacts, ControlId
from oscbridge.osc import Argument, Color, Message, TimeTag
from oscbridge.osc.arguments import split_types
from oscbridge.osc.text import format_value

__all__ = [
    "MAX_CONTROLS",
    "ActivityTable",
    "ControlActivity",
    "ControlKey",
    "SeenRange",
    "control_text",
]

MAX_CONTROLS: Final = 20_000
"""Controls that are looked at; further ones are ignored."""

MAX_ARGUMENTS: Final = 8
"""Arguments of one message that are looked at."""

MAX_STEPS: Final = 64
"""Latest values that are kept for each control."""


def control_text(control: ControlId) -> str:
    """A control as it is written: ``/control 1 7``."""
    return " ".join([control.address, *map(format_value, control.leading)])


def is_number(value: Argument) -> TypeGuard[int | float]:
    """Whether a value counts as a position of a control."""
    return isinstance(value, int | float) and not isinstance(value, bool | Color | TimeTag)


class ControlKey(NamedTuple):
    """A control of the whole system."""

    part: str
    """The bridge or the endpoint that received its messages."""
    control: ControlId

    def __str__(self) -> str:
        return f"{self.part} {control_text(self.control)}"


@dataclass
class SeenRange:
    """The numbers that one argument had."""

    low: float = math.inf
    high: float = -math.inf

    def add(self, value: float) -> None:
        """Widen it by a value."""
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def is_empty(self) -> bool:
        """Whether it has none."""
        return self.low > self.high


@dataclass
class ControlActivity:
    """The messages of one control."""

    key: ControlKey
    facts: ControlFacts
    types: str
    """The type tags of its values: of the arguments after those that say which control it is."""
    first_time: float
    """Time of its first message."""
    args: tuple[Argument, ...] = ()
    """Its last values."""
    before: int = 0
    """Messages before it was the turn of the user."""
    count: int = 0
    """Messages since then."""
    changes: int = 0
    """How often a value differed from the one before, since then."""
    started: float = 0.0
    """Time of the first message since then."""
    last_time: float = 0.0
    seen: list[SeenRange] = field(default_factory=list)
    """The numbers by argument, since then."""
    values: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_STEPS))
    """The latest numbers of its last argument since then."""

    @property
    def argument(self) -> int:
        """The argument that moved: the one that used most of its range."""
        spans = [0.0 if each.is_empty else each.high - each.low for each in self.seen]
        return max(range(len(spans)), key=lambda index: spans[index], default=0)

    @property
    def interval(self) -> float:
        """Mean seconds between two messages."""
        return (self.last_time - self.first_time) / max(1, self.before + self.count - 1)

    def begin(self) -> None:
        """It is the turn of the user."""
        self.before += self.count
        self.count = self.changes = 0
        self.started = 0.0
        self.values.clear()
        self.seen = []

    def add(self, time: float, types: str, args: tuple[Argument, ...]) -> None:
        """Take a message."""
        if args != self.args and (self.count or self.before):
            self.changes += 1
        if self.count == 0:
            self.started = time
        self.count += 1
        self.last_time, self.types, self.args = time, types, args
        for index, value in enumerate(args[:MAX_ARGUMENTS]):
            if index == len(self.seen):
                self.seen.append(SeenRange())
            if is_number(value) and math.isfinite(value):
                self.seen[index].add(value)
        last = args[-1] if args else None
        if is_number(last):
            self.values.append(float(last))


class ActivityTable:
    """The controls of a system. ``control_of`` says which control a message of a part came from."""

    def __init__(self, control_of: Callable[[str, Message], ControlFacts | None]) -> None:
        self._control_of = control_of
        self.controls: dict[ControlKey, ControlActivity] = {}
        self.ignored = 0
        """Messages of further controls, as there were too many."""
        self.began = 0.0
        """Time at which it became the turn of the user; 0 before."""
        self.first = math.inf
        """Time since when it watches."""

    def begin(self, now: float) -> None:
        """It is the turn of the user from now on."""
        self.began = now
        for each in self.controls.values():
            each.begin()

    def add(self, time: float, part: str, message: Message) -> None:
        """Take a message that a part has received."""
        facts = self._control_of(part, message)
        if facts is None:
            return
        key = ControlKey(part, facts.control)
        known = self.controls.get(key)
        skipped = len(facts.control.leading)
        types = "".join(split_types(message.types or "")[skipped:])
        args = message.args[skipped:]
        if facts.release and message.address == facts.release:
            args = tuple(0 if isinstance(each, int) else each for each in args)
        if known is None:
            if len(self.controls) >= MAX_CONTROLS:
                self.ignored += 1
                return
            known = self.controls[key] = ControlActivity(key, facts, types, time)
        known.add(time, types, args)
