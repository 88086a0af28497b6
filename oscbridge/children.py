"""Child processes that do one piece of work each: bounded, and every one reaped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Children"]

_POLL: Final = 0.001
"""Seconds between looks at children that are waited for."""

_log: Final = logging.getLogger(__name__)


class Children:
    """Forks. Only where ``os.fork`` exists, and only from a process without other threads.

    ``limit`` is how many may live at once. Not safe to use from several threads.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.failed = 0
        """Children that did not end with 0."""
        self._alive: set[int] = set()

    def __len__(self) -> int:
        return len(self._alive)

    def reap(self) -> None:
        """Take leave of those that have ended. Never blocks."""
        for pid in tuple(self._alive):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0  # somebody else waited for it
            if ended:
                self._alive.discard(pid)
                self.failed += status != 0

    def wait_below_limit(self, timeout: float) -> bool:
        """Wait until one more may be forked, at most ``timeout`` seconds. Whether it may."""
        deadline = time.monotonic() + timeout
        while True:
            self.reap()
            if len(self._alive) < self.limit:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)

    def fork(self, work: Callable[[], None]) -> None:
        """Run ``work`` in a child, which ends with it. Raises ``OSError`` if there can be none."""
        sys.stdout.flush()  # or the child would write what waits here a second time
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._alive.add(pid)
            return
        code = 1
        try:
            # The parent's handlers are about the parent's affairs.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            work()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            _log.exception("a child failed")
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def stop(self, timeout: float) -> None:
        """Wait for all, at most ``timeout`` seconds; then end those that are left."""
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None and self._alive:
                _log.warning("%d children did not end; sending %s", len(self._alive), number.name)
                for pid in tuple(self._alive):
                    os.kill(pid, number)
            deadline = time.monotonic() + timeout
            while self._alive and time.monotonic() < deadline:
                self.reap()
                if self._alive:
                    time.sleep(_POLL)
            timeout = 1.0
