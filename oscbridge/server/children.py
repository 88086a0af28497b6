"""Child processes that run a function: bounded in number, and all reaped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, NoReturn

__all__ = ["Children", "uninterrupted"]

_POLL: Final = 0.001
"""Seconds between polls of children."""

_log: Final = logging.getLogger(__name__)


@contextmanager
def uninterrupted() -> Iterator[Iterable[int]]:
    """Hold back SIGINT and SIGTERM, whose handlers may raise, until the work in progress is noted.

    Yields the signals that were held back before.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield blocked
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@dataclass(slots=True)
class _Running:
    number: int
    units: int
    """Units that are counted at its end."""
    completed: int = 0


class Children:
    """Forks children. Requires ``os.fork`` and a process without other threads.

    ``limit`` is the number of simultaneous children. Not thread-safe.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.succeeded = 0
        self.failed = 0
        """Units of work of children with an exit status of 0, and of others."""
        self.forked = 0
        """Children that were started until now. In a child, its own number, from 1."""
        self.on_end: Callable[[int, int], None] | None = None
        """Called with the number and the units of work of each child that has ended."""
        self.settle: Callable[[int], None] | None = None
        """Called with the process ID of a child that has ended, before its units are counted."""
        self._alive: dict[int, _Running] = {}

    def __len__(self) -> int:
        return len(self._alive)

    def __contains__(self, pid: int) -> bool:
        return pid in self._alive

    @property
    def ids(self) -> set[int]:
        """The process IDs of the children."""
        return set(self._alive)

    def reap(self) -> None:
        """Reap the children that have ended. Never blocks."""
        if self._alive:
            with uninterrupted():
                self._reap()

    def _reap(self) -> None:
        for pid, child in tuple(self._alive.items()):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0  # reaped elsewhere
            if ended:
                if self.settle is not None:
                    self.settle(pid)
                del self._alive[pid]
                if status:
                    self.failed += child.units
                else:
                    self.succeeded += child.units
                if self.on_end is not None:
                    self.on_end(child.number, child.units + child.completed)

    def complete(self, pid: int, units: int) -> None:
        """Count units that a running child has completed, beside those of its start."""
        self._alive[pid].completed += units
        self.succeeded += units

    def set_units(self, pid: int, units: int) -> None:
        """Set the units that end with a child."""
        self._alive[pid].units = units

    def wait_below_limit(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds until another fork is allowed. Whether it is."""
        deadline = time.monotonic() + timeout
        while True:
            self.reap()
            if len(self._alive) < self.limit:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)

    def fork(self, work: Callable[[], None], units: int = 1) -> int:
        """Run ``work`` in a child, which then exits. Returns its process ID.

        ``units`` are added to :attr:`succeeded` or :attr:`failed` after its end. Raises
        ``OSError`` if the system refuses.
        """
        _flush()  # else the child would write buffered output again
        # A signal must not reach a child that still has its parent's handlers: they may raise,
        # and the child would return from this method and continue as a second parent.
        with uninterrupted() as blocked:
            self.forked += 1
            pid = os.fork()
            if pid == 0:
                _be_child(work, blocked)
            self._alive[pid] = _Running(self.forked, units)
            return pid

    def stop(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for all children, then terminate the others."""
        try:
            for number in (None, signal.SIGTERM, signal.SIGKILL):
                if number is not None and self._alive:
                    _log.warning("%d children still running; sending %s", len(self), number.name)
                    self._send(number)
                deadline = time.monotonic() + timeout
                while self._alive and time.monotonic() < deadline:
                    self.reap()
                    if self._alive:
                        time.sleep(_POLL)
                timeout = 1.0
        except BaseException:  # for example a second Ctrl-C
            self._send(signal.SIGKILL)
            raise

    def _send(self, number: signal.Signals) -> None:
        for pid in tuple(self._alive):
            with suppress(ProcessLookupError):  # reaped elsewhere
                os.kill(pid, number)


def _be_child(work: Callable[[], None], blocked: Iterable[int]) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        work()
        code = 0
    except SystemExit as error:
        code = 0 if error.code is None else error.code if isinstance(error.code, int) else 1
    except BaseException:
        _log.exception("child process failed")
    finally:
        try:
            _flush()
        finally:
            os._exit(code & 0xFF)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        # Its reader may be gone, it may be closed, and there may be none.
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
