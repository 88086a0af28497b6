"""Exits a process that does not exit by itself."""

from __future__ import annotations

import _thread
import logging
import os
import selectors
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from oscbridge.logs.setup import flush_log

__all__ = ["end_within"]

THREAD_START: Final = 1.0
"""Seconds that a thread may take to start."""

_log: Final = logging.getLogger(__name__)


def end_within(seconds: float, *actions: tuple[float, Callable[[], None]]) -> None:
    """Exit the process with code 1 if it is still running after ``seconds``.

    Until then, call each of the ``actions`` after so many seconds, earliest first, on a thread.
    They must not raise.

    Whatever blocks it: code of a plugin that blocks the loop or ignores its cancellation, or a
    thread that does not end. A signal handler may call this.
    """
    # A thread of the module threading takes locks when it starts. The code that the signal
    # interrupted may hold them.
    has_started = _thread.allocate_lock()
    has_started.acquire()
    with suppress(RuntimeError):  # no more threads: nothing can limit the time
        _thread.start_new_thread(
            _end, (seconds, actions, threading.main_thread().ident, has_started)
        )
        # An interpreter that ends before the thread has begun crashes (CPython 3.11).
        has_started.acquire(timeout=THREAD_START)


def _end(
    seconds: float,
    actions: Sequence[tuple[float, Callable[[], None]]],
    main: int | None,
    has_started: _thread.LockType,
) -> None:
    began = time.monotonic()
    has_started.release()
    for delay, action in actions:
        time.sleep(max(0.0, began + delay - time.monotonic()))
        action()
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    _log.error("shutdown blocked for %g s by %s; exiting anyway", seconds, _what(main))
    flush_log()
    os._exit(1)


def _what(main: int | None) -> str:
    """Where the main thread is, for the author of that code."""
    frame = sys._current_frames().get(main or 0)
    if frame is None or frame.f_code.co_filename in (selectors.__file__, threading.__file__):
        return "a thread or a task that does not end"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
