"""Reports an event loop that is blocked, while it is, with the line that blocks it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final

from oscbridge.net.direct_readers import busy_since

__all__ = ["LoopWatchdog"]

REPEAT: Final = 10.0
"""Seconds between two lines about a loop that stays blocked."""

MIN_LATE: Final = 1.0
"""Seconds by which the thread itself must be late: on a busy machine it often is a little."""

MIN_WAIT: Final = 0.25
"""How long the loop has at least to answer, as a part of its time."""

_WHY_NONE: Final = (
    "a function of a route or a plugin holds the interpreter, for example a regular expression, or "
    "the process was stopped, or the machine was suspended or is overloaded"
)

_TURN: Final = asyncio.BaseEventLoop._run_once.__code__  # type: ignore[attr-defined]
"""The code of a turn of the loop."""

_log: Final = logging.getLogger(__name__)


class LoopWatchdog:
    """A thread that expects the running event loop to answer within ``timeout`` seconds.

    A function of a plugin or of a route that blocks the loop stops everything that the loop does;
    only another thread can report that. A function that lets no other thread run either is
    reported afterwards. The thread looks once per ``timeout``; a loop that waits for its sockets
    and timers is not woken. A loop that knows since when it is busy is reported after ``timeout``
    to 1.25 times as long, another one after up to twice as long.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._blocked = threading.get_ident()
        self._answered = threading.Event()
        self._running = threading.Lock()
        """Locked until :meth:`stop`. A wait for it runs less Python code than one for an event."""
        self._running.acquire()
        self._thread = threading.Thread(target=self._watch, name="loop watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread. On the event loop."""
        self._running.release()
        self._answered.set()
        self._thread.join()

    def _watch(self) -> None:
        wait_for_stop = partial(self._running.acquire, True)
        while not self._wait(wait_for_stop, self.timeout):
            if self._is_idle():
                continue
            self._answered.clear()
            now = time.monotonic()
            began = busy_since(self._loop, now)
            try:
                self._loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop is closed
                return
            # After the process was stopped, a loop that was busy then has not run either.
            left = max(self.timeout * MIN_WAIT, began + self.timeout - now)
            if not self._running.locked() or self._wait(self._answered.wait, left):
                continue
            while not self._answered.is_set():
                seconds = time.monotonic() - began
                _log.error("event loop blocked for %.1f s by %s", seconds, self._culprit())
                self._answered.wait(REPEAT)
            _log.warning("event loop was blocked for %.1f s", time.monotonic() - began)

    def _is_idle(self) -> bool:
        """Whether the loop waits in its selector, which it calls itself."""
        frame = sys._current_frames().get(self._blocked)
        if frame is not None and frame.f_code.co_name == "_poll":  # in that of Windows
            frame = frame.f_back
        if frame is None or frame.f_code.co_name != "select" or frame.f_back is None:
            return False
        return frame.f_back.f_code is _TURN

    def _wait(self, wait: Callable[[float], bool], seconds: float) -> bool:
        """Wait for an event, and notice if this thread could not run meanwhile."""
        began = time.monotonic()
        is_set = wait(seconds)
        late = time.monotonic() - began - seconds
        if late > max(self.timeout, MIN_LATE):
            _log.warning("no thread of this process could run for %.1f s; %s", late, _WHY_NONE)
        return is_set

    def _culprit(self) -> str:
        """The innermost line that the loop runs, and the one that called it from elsewhere."""
        frame = sys._current_frames().get(self._blocked)
        lines: list[str] = []
        while frame is not None and not _is_of_asyncio(frame) and len(lines) < 10:
            code = frame.f_code
            lines.append(f"{code.co_filename}:{frame.f_lineno} in {code.co_name}")
            frame = frame.f_back
        return ", called from ".join(lines) or "nothing that can be seen"


def _is_of_asyncio(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "asyncio"
