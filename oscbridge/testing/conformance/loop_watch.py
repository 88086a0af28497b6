"""Notices an event loop that is blocked, with the line that blocks it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final, NamedTuple

from oscbridge.testing.conformance.places import running_place

__all__ = ["HANG_TIME", "LIMIT", "BlockWatch", "BlockedLoop", "LoopBlock"]

LIMIT: Final = 0.05
"""Seconds for which a plugin may block the event loop."""

HANG_TIME: Final = 5.0
"""Seconds after which what blocks the loop is interrupted, where the system has signals."""

INTERVAL: Final = 0.005
"""Seconds between two timers of the loop, and between two looks."""

_SIGNAL: Final = getattr(signal, "SIGURG", None)
"""A signal that nothing else uses: without a handler it is ignored."""


class BlockedLoop(BaseException):
    """Raised in code that has blocked the loop for :data:`HANG_TIME`."""


class LoopBlock(NamedTuple):
    """A time in which the loop did not answer."""

    seconds: float
    place: str
    """``FILE:LINE`` of the plugin's innermost line meanwhile; empty if it was in none."""


class BlockWatch:
    """Expects the loop to run a timer every :data:`INTERVAL`.

    The loop's thread itself measures how late the timer is, so that nothing depends on when
    another thread runs; a thread meanwhile looks at the line that blocks the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, prefix: str) -> None:
        self.blocks: list[LoopBlock] = []
        """Blocks of more than :data:`LIMIT`."""
        self._loop = loop
        self._prefix = prefix
        self._watched = threading.get_ident()
        self._watched_id = threading.get_native_id()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._waited = 0.0
        self._place = ""
        self._stopping = threading.Event()
        self._restore: Callable[[], object] = _nothing
        self._can_interrupt = (
            _SIGNAL is not None and threading.current_thread() is threading.main_thread()
        )
        self._thread = threading.Thread(target=self._look, name="loop watch", daemon=True)

    def start(self) -> None:
        """Watch the loop, which runs on this thread."""
        if self._can_interrupt and _SIGNAL is not None:
            number, before = _SIGNAL, signal.signal(_SIGNAL, _interrupt)
            self._restore = lambda: signal.signal(number, before)
        self._expect()
        self._thread.start()

    def stop(self) -> None:
        """End the thread. On the thread of the loop."""
        if self._timer is not None:
            self._timer.cancel()
        self._stopping.set()
        self._thread.join()
        self._restore()

    def _expect(self) -> None:
        """Set the next timer."""
        self._place = ""
        self._waited = _waited(self._watched_id)
        self._due = time.monotonic() + INTERVAL
        self._timer = self._loop.call_later(INTERVAL, self._beat)

    def _beat(self) -> None:
        if (seconds := self._late()) > LIMIT:
            self.blocks.append(LoopBlock(seconds, self._place))
        self._expect()

    def _late(self) -> float:
        """Seconds for which the timer is late, without those in which others had the processor."""
        waited = _waited(self._watched_id) - self._waited
        return time.monotonic() - self._due - waited

    def _look(self) -> None:
        """Note the line that blocks the loop, and interrupt it after :data:`HANG_TIME`."""
        interrupt_at = HANG_TIME
        while not self._stopping.wait(INTERVAL):
            if time.monotonic() - self._due < LIMIT / 2:
                interrupt_at = HANG_TIME
                continue
            self._place = running_place(self._watched, self._prefix) or self._place
            if (late := self._late()) > interrupt_at and self._can_interrupt:
                interrupt_at = late + HANG_TIME
                _send_signal(self._watched)


def _waited(thread: int) -> float:
    """Seconds for which a thread could run, but others had its processor; by its native id.

    Linux counts them (``proc_pid_schedstat(5)``); 0 elsewhere.
    """
    try:
        text = Path(f"/proc/self/task/{thread}/schedstat").read_text()
        return int(text.split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise BlockedLoop(f"it blocked the event loop for {HANG_TIME:g} s")


def _send_signal(thread: int) -> None:
    if _SIGNAL is not None:
        signal.pthread_kill(thread, _SIGNAL)


def _nothing() -> None:
    """No handler was installed."""
