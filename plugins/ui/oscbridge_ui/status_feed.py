"""The state of all parts: read once for all pages, and compared with what each page has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from oscbridge.monitoring import Operations, Status
from oscbridge_ui.flow_history import FlowHistory
from oscbridge_ui.now_messages import (
    NowState,
    PartHistory,
    PartState,
    Problem,
    Pulse,
    RoleState,
)
from oscbridge_ui.parts import Totals, flows_of, parts_of, totals_of
from oscbridge_ui.problems import ProblemList
from oscbridge_ui.protocol_base import Scalar
from oscbridge_ui.scope import PageScope
from oscbridge_ui.steady_time import steady_time
from oscbridge_ui.topic import Topic

__all__ = ["NowTopic", "PulseTopic", "StatusFeed"]

INTERVAL: Final = 0.5
"""Seconds between two looks while a page shows the parts."""

PULSE_INTERVAL: Final = 1.0
"""Seconds between two looks otherwise, and between two pulses."""

IDLE_INTERVAL: Final = 2.0
"""Seconds between two looks without a page: for its histories, and since when a problem lasts."""


class StatusFeed:
    """Looks at the bridge again and again; rarely without a page. On the event loop."""

    def __init__(self, operations: Operations, addresses: Callable[[], int]) -> None:
        self._operations = operations
        self._addresses = addresses
        self._topics: dict[Topic, Callable[[], None]] = {}
        self._problems = ProblemList()
        self.history = FlowHistory()
        self.look_number = 0
        """How often it has looked."""
        self.time = 0.0
        self.pulse: Pulse | None = None
        self.pulse_number = 0
        self.order: Sequence[str] = ()
        self.links: Sequence[Sequence[str]] = ()
        self.order_number = 0
        self.parts: dict[str, tuple[int, PartState]] = {}
        """Parts by id, with the look at which they changed."""
        self.problems: Sequence[Problem] = ()
        self.problems_number = 0
        self.variables: Mapping[str, Scalar] = {}
        self.variables_number = 0
        self.role = RoleState(role="", holder="")
        self.role_number = 0
        self._pulse_due = 0.0
        self._hurry = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def add(self, topic: Topic, wake: Callable[[], None]) -> None:
        """Wake a topic after each look."""
        self._topics[topic] = wake
        self._hurry.set()

    def remove(self, topic: Topic) -> None:
        """End that."""
        self._topics.pop(topic, None)

    def close(self) -> None:
        """Look no longer."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            self._hurry.clear()
            self._look()
            try:
                async with asyncio.timeout(self._interval):
                    await self._hurry.wait()
            except TimeoutError:
                pass

    @property
    def _interval(self) -> float:
        if not self._topics:
            return IDLE_INTERVAL
        shows_parts = any(isinstance(topic, NowTopic) for topic in self._topics)
        return INTERVAL if shows_parts else PULSE_INTERVAL

    def _look(self) -> None:
        status = self._operations.status()
        self.time = time.monotonic()
        totals = totals_of(status.bridges, status.endpoints)
        self.history.record(self.time, totals, flows_of(status))
        problems = self._problems.update(status, self.time)
        if self._topics:
            self._show(status, totals, problems)

    def _show(self, status: Status, totals: Totals, problems: Sequence[Problem]) -> None:
        """Make what pages see, and wake them."""
        self.look_number = number = self.look_number + 1
        parts = {part.id: part for part in parts_of(status)}
        for key, part in parts.items():
            known = self.parts.get(key)
            if known is None or known[1] != part:
                self.parts[key] = number, part
        links = self._operations.direct_links()
        if tuple(parts) != self.order or links != self.links:
            self.order, self.links, self.order_number = tuple(parts), links, number
            self.parts = {key: self.parts[key] for key in parts}
        if problems != self.problems:
            self.problems, self.problems_number = problems, number
        if status.variables != self.variables:
            self.variables, self.variables_number = dict(status.variables), number
        if (role := role_of(status)) != self.role:
            self.role, self.role_number = role, number
        if self.time >= self._pulse_due:
            self._pulse_due = self.time + PULSE_INTERVAL * 0.9
            self.pulse, self.pulse_number = self._make_pulse(totals), number
        for wake in self._topics.values():
            wake()

    def _make_pulse(self, totals: Totals) -> Pulse:
        counted = {**totals._asdict(), **severity(self.problems)}
        return Pulse(time=steady_time(), addresses=self._addresses(), **counted)


def role_of(status: Status) -> RoleState:
    """Whether the bridge delivers."""
    if status.leader is None:
        return RoleState(role="", holder="")
    return RoleState(role=status.leader.role, holder=status.leader.holder)


def severity(problems: Sequence[Problem]) -> Mapping[str, int]:
    """How many problems there are, and how many warnings."""
    bad = sum(each.level == "bad" for each in problems)
    return {"bad": bad, "warn": len(problems) - bad}


class PulseTopic(Topic):
    """Totals, once per second."""

    def __init__(self, feed: StatusFeed, scope: PageScope, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._scope = scope
        self._sent = 0
        feed.add(self, wake)

    def take(self) -> Pulse | None:
        feed = self._feed
        if feed.pulse is None or feed.pulse_number == self._sent:
            return None
        self._sent = feed.pulse_number
        if not self._scope.is_limited:
            return feed.pulse
        parts = [seen for _, part in feed.parts.values() if (seen := self._scope.part(part))]
        bridges = [each for each in parts if each.kind == "bridge"]
        totals = totals_of(bridges, [each for each in parts if each.kind == "endpoint"])
        counted = {**totals._asdict(), **severity(self._scope.problems(feed.problems))}
        return feed.pulse.model_copy(update={**counted, "addresses": 0})

    def close(self) -> None:
        self._feed.remove(self)


class NowTopic(Topic):
    """All parts, then those that have changed."""

    def __init__(self, feed: StatusFeed, scope: PageScope, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._scope = scope
        self._sent = 0
        self._wake = wake
        self._part = ""
        """The part whose history is to be sent."""
        feed.add(self, wake)

    def show(self, part: str) -> None:
        """Send the history of this part."""
        self._part = part
        self._wake()

    def take(self) -> NowState | None:
        feed, sent, scope = self._feed, self._sent, self._scope
        if feed.look_number == sent and not self._part:
            return None
        self._sent = feed.look_number
        is_first = sent == 0
        has_order = is_first or feed.order_number > sent
        changed = [part for number, part in feed.parts.values() if number > sent]
        has_problems = is_first or feed.problems_number > sent
        has_variables = is_first or feed.variables_number > sent
        has_role = is_first or feed.role_number > sent
        return NowState(
            full=is_first,
            time=feed.time,
            order=scope.ids(feed.order) if has_order else None,
            links=scope.links(feed.links) if has_order else (),
            parts=tuple(seen for part in changed if (seen := scope.part(part)) is not None),
            problems=scope.problems(feed.problems) if has_problems else None,
            variables=feed.variables if has_variables and not scope.is_limited else None,
            role=feed.role if has_role and not scope.is_limited else None,
            totals=feed.history.totals(feed.time) if is_first and not scope.is_limited else None,
            part=self._take_history(),
        )

    def _take_history(self) -> PartHistory | None:
        part, self._part = self._part, ""
        if not part or not self._scope.sees_part(part):
            return None
        return self._feed.history.part(part, self._feed.time)

    def close(self) -> None:
        self._feed.remove(self)
