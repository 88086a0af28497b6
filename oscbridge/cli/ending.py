"""Exits a process that does not exit by itself."""

from __future__ import annotations

import _thread
import asyncio
import logging
import os
import selectors
import sys
import threading
import time
from asyncio import base_events
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import thread as executor_thread
from contextlib import suppress
from typing import Final

from oscbridge.bridge.sinks.stall_watch import waiting_at
from oscbridge.failures import is_foreign
from oscbridge.logs.setup import flush_log
from oscbridge.net import epoll_loop

__all__ = ["end_within"]

THREAD_START: Final = 1.0
"""Seconds that a thread may take to start."""

MAX_NAMED: Final = 3
"""Tasks and threads that are named."""

_WAITING: Final = (selectors.__file__, epoll_loop.__file__, threading.__file__)
"""Where the main thread waits for others."""

_LIBRARY: Final = (threading.__file__, base_events.__file__, executor_thread.__file__)
"""Frames of threads below the code that they run. Without such code they wait for work."""

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
    loop = asyncio._get_running_loop()
    with suppress(RuntimeError):  # no more threads: nothing can limit the time
        _thread.start_new_thread(
            _end, (seconds, actions, loop, threading.main_thread().ident, has_started)
        )
        # An interpreter that ends before the thread has begun crashes (CPython 3.11).
        has_started.acquire(timeout=THREAD_START)


def _end(
    seconds: float,
    actions: Sequence[tuple[float, Callable[[], None]]],
    loop: asyncio.AbstractEventLoop | None,
    main: int | None,
    has_started: _thread.LockType,
) -> None:
    began = time.monotonic()
    has_started.release()
    for delay, action in actions:
        time.sleep(max(0.0, began + delay - time.monotonic()))
        action()
    time.sleep(max(0.0, began + seconds - time.monotonic()))
    _log.error("shutdown blocked for %g s by %s; exiting anyway", seconds, _what(main, loop))
    flush_log()
    os._exit(1)


def _what(main: int | None, loop: asyncio.AbstractEventLoop | None) -> str:
    """Where the main thread is, or what it waits for: for the author of that code."""
    frame = sys._current_frames().get(main or 0)
    if frame is not None and frame.f_code.co_filename not in _WAITING:
        return f"{frame.f_code.co_filename}:{frame.f_lineno}"
    found = [*([] if loop is None else _tasks(loop)), *_threads(main)]
    more = f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
    return ", ".join(found[:MAX_NAMED]) + more or "a thread or a task that does not end"


def _tasks(loop: asyncio.AbstractEventLoop) -> Iterator[str]:
    for each in sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name()):
        place = waiting_at(each)
        if place and is_foreign(place):
            yield f"the task {each.get_name()!r} at {place}"


def _threads(main: int | None) -> Iterator[str]:
    """The threads that the interpreter waits for, those that wait for work left out."""
    frames = sys._current_frames()
    for each in threading.enumerate():
        frame = frames.get(each.ident or 0)
        while frame is not None and frame.f_code.co_filename in _LIBRARY:
            frame = frame.f_back
        if frame is not None and not each.daemon and each.ident != main:
            yield f"the thread {each.name!r} at {frame.f_code.co_filename}:{frame.f_lineno}"
