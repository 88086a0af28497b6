"""Notices an event loop that is blocked, with the line that blocks it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterable
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
"""Seconds between two questions to the loop."""

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
    """A thread that expects the loop to answer within :data:`LIMIT`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, prefix: str) -> None:
        self.blocks: list[LoopBlock] = []
        """Blocks of more than :data:`LIMIT`."""
        self._loop = loop
        self._prefix = prefix
        self._watched = threading.get_ident()
        self._watched_id = threading.get_native_id()
        self._answered = threading.Event()
        self._answered_at = 0.0
        self._stopping = threading.Event()
        self._restore: Callable[[], object] = _nothing
        self._can_interrupt = (
            _SIGNAL is not None and threading.current_thread() is threading.main_thread()
        )
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)

    def start(self) -> None:
        """Watch the loop, which runs on this thread."""
        if self._can_interrupt and _SIGNAL is not None:
            number, before = _SIGNAL, signal.signal(_SIGNAL, _interrupt)
            self._restore = lambda: signal.signal(number, before)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._answered.set()
        self._thread.join()
        self._restore()

    def _watch(self) -> None:
        threads = (self._watched_id, threading.get_native_id())
        while True:
            due, waited = time.monotonic() + INTERVAL, _waited(threads)
            if self._stopping.wait(INTERVAL):
                return
            # C code can keep this thread from running: then it is late, and so was the loop.
            began = time.monotonic() if waited is None else due
            place = self._place() if time.monotonic() - began > LIMIT / 2 else ""
            self._answered.clear()
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:  # it is closed
                return
            for _ in range(2):
                if not self._answered.wait(LIMIT / 2):
                    place = self._place() or place
            while not self._stopping.is_set() and not self._answered.wait(HANG_TIME):
                place = self._place() or place
                if self._can_interrupt and _SIGNAL is not None:
                    signal.pthread_kill(self._watched, _SIGNAL)
            seconds = self._answered_at - began - _longest(waited, _waited(threads))
            if seconds > LIMIT and not self._stopping.is_set():
                self.blocks.append(LoopBlock(seconds, place))

    def _answer(self) -> None:
        self._answered_at = time.monotonic()
        self._answered.set()

    def _place(self) -> str:
        return running_place(self._watched, self._prefix)


def _waited(threads: Iterable[int]) -> list[int] | None:
    """Nanoseconds for which each thread could run, but others had its processor; by native ids.

    Linux counts them (``proc_pid_schedstat(5)``); None elsewhere.
    """
    try:
        files = [Path(f"/proc/self/task/{each}/schedstat") for each in threads]
        return [int(file.read_text().split()[1]) for file in files]
    except (OSError, IndexError, ValueError):
        return None


def _longest(before: list[int] | None, after: list[int] | None) -> float:
    """Seconds that the thread which waited the longest has waited between two times."""
    if before is None or after is None:
        return 0.0
    return max(now - then for then, now in zip(before, after, strict=True)) / 1e9


def _interrupt(_number: int, _frame: FrameType | None) -> Any:
    raise BlockedLoop(f"it blocked the event loop for {HANG_TIME:g} s")


def _nothing() -> None:
    """No handler was installed."""
