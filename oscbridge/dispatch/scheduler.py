"""Messages that wait for their time tag: a bounded heap without its own thread or timer.

The server drives it: :attr:`Scheduler.next_ns` is the time of the next action,
:meth:`Scheduler.run_due` runs the due ones. The clock is the system's wall clock, as in time
tags.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

__all__ = ["HORIZON", "LONGEST_WAIT", "MAX_PENDING", "Scheduler", "run_all"]

MAX_PENDING: Final = 10_000
"""Default of the messages that may wait."""

HORIZON: Final = 3600.0
"""Default of the seconds ahead that a time tag may be."""

SET_BACK: Final = 1_000_000_000
"""Nanoseconds by which the clock must have been set back: threads read it at different times."""

LONGEST_WAIT: Final = 60.0
"""Seconds after which the clock is read again, as it may have been set."""


class Scheduler:
    """A heap of actions and the Unix times, in nanoseconds, at which they are due.

    An action stands for one or more messages. Actions with equal times run in the order in
    which they were added. Thread-safe. At most ``max_pending`` messages may wait, and none for
    more than ``horizon`` seconds (``math.inf``: any time): a sender with a wrong clock, or a
    hostile one, must not fill the memory. The caller counts the others and, depending on
    ``too_early``, runs or drops them.
    """

    def __init__(
        self,
        max_pending: int = MAX_PENDING,
        clock_ns: Callable[[], int] = time.time_ns,
        *,
        horizon: float = HORIZON,
        too_early: Literal["run", "drop"] = "run",
    ) -> None:
        if too_early not in ("run", "drop"):
            raise ValueError(f'too_early must be "run" or "drop", got {too_early!r}')
        if math.isnan(horizon):
            raise ValueError(f"horizon must be seconds, or math.inf for any time, got {horizon!r}")
        self.max_pending = max_pending
        self.horizon = horizon
        self.too_early = too_early
        self.clock_ns = clock_ns
        self._heap: list[tuple[int, int, Callable[[], None], int]] = []
        self._added = 0
        self._looked_at = 0
        """The latest time of the clock that was seen."""
        self._messages = 0
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def __len__(self) -> int:
        """Waiting messages."""
        return self._messages

    def add(self, due_ns: int, action: Callable[[], None], messages: int = 1) -> bool:
        """Keep an action until it is due; False where ``max_pending`` or ``horizon`` forbids."""
        now = self.clock_ns()
        if due_ns - now > self.horizon * 1e9:
            return False
        with self._lock:
            self._looked_at = max(self._looked_at, now)
            if self._messages + messages > self.max_pending:
                return False
            self._added += 1
            self._messages += messages
            entry = (due_ns, self._added, action, messages)
            heapq.heappush(self._heap, entry)
            earliest = self._heap[0] is entry
        if earliest:
            for listener in self._listeners:
                listener()
        return True

    def clear(self) -> None:
        """Remove all actions and listeners, for example in a child process."""
        self._heap = []
        self._messages = 0
        self._listeners = ()

    @contextmanager
    def notify(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call ``listener``, on any thread, whenever :attr:`next_ns` becomes earlier."""
        with self._lock:
            self._listeners += (listener,)
        try:
            yield
        finally:
            with self._lock:
                left = list(self._listeners)
                left.remove(listener)
                self._listeners = tuple(left)

    @property
    def next_ns(self) -> int | None:
        """Unix time of the earliest action, in nanoseconds, or None."""
        heap = self._heap
        try:
            return heap[0][0]
        except IndexError:
            return None

    def wait(self, longest: float) -> float:
        """Seconds until the earliest action is due, 0 to ``longest``."""
        due = self.next_ns
        if due is None:
            return longest
        return min(max((due - self.clock_ns()) / 1e9, 0.0), longest)

    def take_due(self) -> list[Callable[[], None]]:
        """Remove and return the due actions, earliest first.

        Those with them that wait for more than ``horizon`` since the clock was set back.
        """
        if not self._heap:
            return []
        now = self.clock_ns()
        due = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                _, _, action, messages = heapq.heappop(self._heap)
                self._messages -= messages
                due.append(action)
            if now < self._looked_at - SET_BACK:
                due += self._take_after(now + self.horizon * 1e9)
            self._looked_at = now
        return due

    def _take_after(self, limit: float) -> list[Callable[[], None]]:
        """Remove and return the actions that are due after a time, earliest first."""
        taken = sorted(entry for entry in self._heap if entry[0] > limit)
        if taken:
            self._heap = [entry for entry in self._heap if entry[0] <= limit]
            heapq.heapify(self._heap)
            self._messages -= sum(messages for *_, messages in taken)
        return [action for _, _, action, _ in taken]

    def run_due(self) -> int:
        """Run the due actions, earliest first. Returns their number."""
        due = self.take_due()
        run_all(due)
        return len(due)

    def run_all(self) -> None:
        """Run each action when it is due, until none is left."""
        while self._heap:
            time.sleep(self.wait(1.0))
            self.run_due()


def run_all(actions: Iterable[Callable[[], None]]) -> None:
    """Run actions one after another."""
    for action in actions:
        action()
