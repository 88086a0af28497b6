"""Ends the process when a driver does not return. No thread could: rtmidi holds the lock."""

from __future__ import annotations

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Watchdog"]


class Watchdog:
    """Watches the calls of several threads; there is one timer per process."""

    def __init__(self) -> None:
        self._deadlines: list[float] = []
        self._lock = threading.Lock()

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """End the process if this takes longer."""
        deadline = time.monotonic() + seconds
        with self._lock:
            self._deadlines.append(deadline)
            self._set_timer()
        try:
            yield
        finally:
            with self._lock:
                self._deadlines.remove(deadline)
                self._set_timer()

    def _set_timer(self) -> None:
        left = max(0.001, min(self._deadlines) - time.monotonic()) if self._deadlines else 0.0
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, left)  # SIGALRM, which has no handler
        elif left:
            faulthandler.dump_traceback_later(left, exit=True)
        else:
            faulthandler.cancel_dump_traceback_later()
