"""The log for a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from oscbridge.monitoring import LoggedEvent, RecentEvents
from oscbridge_ui.protocol_base import Level
from oscbridge_ui.server_messages import LogEvent, LogState
from oscbridge_ui.topic import Topic

__all__ = ["LogTopic"]

MAX_EVENTS: Final = 200
"""Events per message: of more, the latest."""

MAX_ERROR: Final = 4_000
"""Characters of a traceback."""

LEVELS: Final = frozenset(("debug", "info", "warning", "error", "critical"))


class LogTopic(Topic):
    """The latest events, then new ones."""

    def __init__(self, events: RecentEvents, wake: Callable[[], None], after: int = 0) -> None:
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._wake = wake
        latest = events.after()
        is_known = bool(latest) and latest[0].number - 1 <= after <= latest[-1].number
        self._is_first = not after or not is_known  # another process, or too long ago
        self._after = 0 if self._is_first else after
        events.add_listener(self._added)

    def _added(self) -> None:
        """Called on any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._wake)

    def take(self) -> LogState | None:
        found = self._events.after(self._after)
        is_full, self._is_first = self._is_first, False
        if not found and not is_full:
            return None
        sent = found if is_full else found[-MAX_EVENTS:]
        missed = 0 if is_full or not found else found[-1].number - self._after - len(sent)
        if found:
            self._after = found[-1].number
        return LogState(full=is_full, events=tuple(map(_event, sent)), missed=missed)

    def close(self) -> None:
        self._events.remove_listener(self._added)


def _event(event: LoggedEvent) -> LogEvent:
    level = cast(Level, event.level if event.level in LEVELS else "info")
    return LogEvent(
        number=event.number,
        time=event.time,
        level=level,
        part=event.part,
        text=event.text,
        error=event.error[:MAX_ERROR],
    )
