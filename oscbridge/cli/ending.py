"""The end of a process that does not come to it by itself."""

from __future__ import annotations

import _thread
import logging
import os
import selectors
import sys
import threading
import time
from typing import Final

from oscbridge.logs.setup import flush_log

__all__ = ["end_within"]

_log: Final = logging.getLogger(__name__)


def end_within(seconds: float) -> None:
    """End the process with 1 when it is still there in so many seconds.

    Whatever holds it up: code of a plugin that blocks the loop, that does not let itself be
    cancelled, or a thread that does not end. A signal handler may call this.
    """
    # A thread of the module threading takes locks as it starts. Who was interrupted by the
    # signal may have them.
    _thread.start_new_thread(_end, (seconds, threading.main_thread().ident))


def _end(seconds: float, main: int | None) -> None:
    time.sleep(seconds)
    _log.error("held up for %g s by %s; ended all the same", seconds, _what(main))
    flush_log()
    os._exit(1)


def _what(main: int | None) -> str:
    """What the main thread is at, for who wrote it."""
    frame = sys._current_frames().get(main or 0)
    if frame is None or frame.f_code.co_filename in (selectors.__file__, threading.__file__):
        return "a thread or a task that does not end"
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
