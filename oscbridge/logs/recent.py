"""The latest events of the log, for those who look at a running program."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from oscbridge.logs.format import event_of

__all__ = ["MAX_EVENTS", "LoggedEvent", "RecentEvents"]

MAX_EVENTS: Final = 1_000
"""Events that are kept. Each has at most the size that a line of the log has."""


class LoggedEvent(NamedTuple):
    """One event of the log."""

    number: int
    """Counted from 1."""
    time: float
    """Unix time."""
    level: str
    """``debug``, ``info``, ``warning``, ``error`` or ``critical``."""
    part: str
    """``bridge.NAME``, ``endpoint.NAME`` or ``route NAME``; otherwise the logger."""
    text: str
    error: str
    """The traceback, or an empty string."""


class RecentEvents(logging.Handler):
    """Keeps the latest events, and calls listeners. From any thread; never raises."""

    def __init__(self, size: int = MAX_EVENTS) -> None:
        super().__init__()
        self._events: deque[LoggedEvent] = deque(maxlen=size)
        self._number = 0
        self._lock_events = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def attach(self) -> None:
        """Take the events of the whole program; again, if a plugin has ended that."""
        self.setLevel(logging.NOTSET)
        self.filters.clear()
        logging.getLogger().addHandler(self)

    def detach(self) -> None:
        """End that."""
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event = event_of(record)
            level = record.levelname.lower()
            with self._lock_events:
                self._number += 1
                found = LoggedEvent(
                    self._number, record.created, level, event.part, event.text, event.error
                )
                self._events.append(found)
            for listener in self._listeners:
                listener()
        except Exception:  # there is nowhere to log it
            pass

    def after(self, number: int = 0) -> list[LoggedEvent]:
        """The events after that with this number, oldest first."""
        with self._lock_events:
            if self._number <= number:
                return []
            return [event for event in self._events if event.number > number]

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each event, on any thread. It must not wait or log."""
        self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """End that."""
        self._listeners = tuple(each for each in self._listeners if each != listener)
