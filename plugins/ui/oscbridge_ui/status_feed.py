"""The state of all parts: read once for all pages, and compared with what each page has."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from oscbridge.monitoring import Operations, Status
from oscbridge_ui.parts import parts_of
from oscbridge_ui.problems import ProblemList
from oscbridge_ui.protocol_base import Scalar
from oscbridge_ui.server_messages import NowState, PartState, Problem, Pulse
from oscbridge_ui.topic import Topic

__all__ = ["NowTopic", "PulseTopic", "StatusFeed"]

INTERVAL: Final = 0.5
"""Seconds between two looks while a page shows the parts."""

PULSE_INTERVAL: Final = 1.0
"""Seconds between two looks otherwise, and between two pulses."""


class StatusFeed:
    """Looks at the bridge again and again while a page is connected."""

    def __init__(self, operations: Operations, addresses: Callable[[], int]) -> None:
        self._operations = operations
        self._addresses = addresses
        self._topics: dict[Topic, Callable[[], None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._problems = ProblemList()
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
        self._pulse_due = 0.0

    def add(self, topic: Topic, wake: Callable[[], None]) -> None:
        """Wake a topic after each look."""
        self._topics[topic] = wake
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        elif isinstance(topic, NowTopic):
            self._look()

    def remove(self, topic: Topic) -> None:
        """End that."""
        self._topics.pop(topic, None)
        if not self._topics:
            self.close()

    def close(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._problems = ProblemList()

    async def _run(self) -> None:
        while True:
            self._look()
            shows_parts = any(isinstance(topic, NowTopic) for topic in self._topics)
            await asyncio.sleep(INTERVAL if shows_parts else PULSE_INTERVAL)

    def _look(self) -> None:
        status = self._operations.status()
        self.look_number = number = self.look_number + 1
        self.time = time.monotonic()
        parts = {part.id: part for part in parts_of(status)}
        for key, part in parts.items():
            known = self.parts.get(key)
            if known is None or known[1] != part:
                self.parts[key] = number, part
        links = self._operations.direct_links()
        if tuple(parts) != self.order or links != self.links:
            self.order, self.links, self.order_number = tuple(parts), links, number
            self.parts = {key: self.parts[key] for key in parts}
        problems = self._problems.update(status, self.time)
        if problems != self.problems:
            self.problems, self.problems_number = problems, number
        if status.variables != self.variables:
            self.variables, self.variables_number = dict(status.variables), number
        if self.time >= self._pulse_due:
            self._pulse_due = self.time + PULSE_INTERVAL * 0.9
            self.pulse, self.pulse_number = self._make_pulse(status, problems), number
        for wake in self._topics.values():
            wake()

    def _make_pulse(self, status: Status, problems: Sequence[Problem]) -> Pulse:
        sources = [each.received for each in status.bridges]
        sources += [each.received for each in status.endpoints]
        lost = sum(sum(each.lost.values()) for each in sources)
        lost += sum(sum(each.lost.values()) for each in status.endpoints)
        bad = sum(each.level == "bad" for each in problems)
        return Pulse(
            time=time.time(),
            received=sum(each.messages for each in sources),
            sent=sum(each.sent for each in status.endpoints),
            waiting=sum(each.queued + each.in_flight for each in status.endpoints),
            lost=lost,
            bad=bad,
            warn=len(problems) - bad,
            addresses=self._addresses(),
        )


class PulseTopic(Topic):
    """Totals, once per second."""

    def __init__(self, feed: StatusFeed, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._sent = 0
        feed.add(self, wake)

    def take(self) -> Pulse | None:
        if self._feed.pulse_number == self._sent:
            return None
        self._sent = self._feed.pulse_number
        return self._feed.pulse

    def close(self) -> None:
        self._feed.remove(self)


class NowTopic(Topic):
    """All parts, then those that have changed."""

    def __init__(self, feed: StatusFeed, wake: Callable[[], None]) -> None:
        self._feed = feed
        self._sent = 0
        feed.add(self, wake)

    def take(self) -> NowState | None:
        feed, sent = self._feed, self._sent
        if feed.look_number == sent:
            return None
        self._sent = feed.look_number
        return NowState(
            full=sent == 0,
            time=feed.time,
            order=feed.order if feed.order_number > sent or not sent else None,
            links=feed.links if feed.order_number > sent or not sent else (),
            parts=tuple(part for number, part in feed.parts.values() if number > sent),
            problems=feed.problems if feed.problems_number > sent or not sent else None,
            variables=feed.variables if feed.variables_number > sent or not sent else None,
        )

    def close(self) -> None:
        self._feed.remove(self)
