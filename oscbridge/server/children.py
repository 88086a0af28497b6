"""Child processes that run a function: bounded in number, and all reaped."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from signal import SIG_DFL, pthread_sigmask
    from signal import signal as set_handler
else:
    # After a fork, parent and child pay for each page of memory that they touch first. The
    # functions of signal are wrapped: their enumerations alone touch two dozen pages a call.
    try:
        from _signal import SIG_DFL, pthread_sigmask
        from _signal import signal as set_handler
    except ImportError:
        from signal import SIG_DFL, pthread_sigmask
        from signal import signal as set_handler

__all__ = ["Children", "Uninterrupted"]

_POLL: Final = 0.001
"""Seconds between polls of children."""

_SCAN: Final = 0.05
"""Seconds after which each child is polled, even if the system reports no end of any. Children
that were reaped elsewhere are noticed so."""

_HELD_BACK: Final = (signal.SIGINT, signal.SIGTERM)

_log: Final = logging.getLogger(__name__)


class Uninterrupted:
    """Hold back SIGINT and SIGTERM, whose handlers may raise, until the work in progress is noted.

    ``with`` gives the signals that were held back before. Not a generator: that touches four
    times as many pages of memory.
    """

    __slots__ = ("_blocked",)

    def __enter__(self) -> Iterable[int]:
        self._blocked: Iterable[int] = pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        return self._blocked

    def __exit__(self, *_: object) -> None:
        pthread_sigmask(signal.SIG_SETMASK, self._blocked)


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
        self._scan_at = 0.0

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
        if not self._alive:
            return
        now = time.monotonic()
        pid = _ended_child()
        if pid or now >= self._scan_at:
            with Uninterrupted():
                self._reap(pid, now)

    def _reap(self, pid: int, now: float) -> None:
        while pid in self._alive:
            self._reap_one(pid)
            pid = _ended_child()
        if pid or now >= self._scan_at:
            self._scan_at = now + _SCAN
            for each in tuple(self._alive):
                self._reap_one(each)

    def _reap_one(self, pid: int) -> None:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            ended, status = pid, 0  # reaped elsewhere
        if ended:
            child = self._alive[pid]
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
        with Uninterrupted() as blocked:
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


def _ended_child() -> int:
    """A child of this process that is to be reaped; 0 if there is none, -1 if it is not known."""
    if sys.platform != "linux":
        return -1
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return -1
    return 0 if ended is None else ended.si_pid


def _be_child(work: Callable[[], None], blocked: Iterable[int]) -> NoReturn:
    code = 1
    try:
        set_handler(signal.SIGTERM, SIG_DFL)
        set_handler(signal.SIGINT, SIG_DFL)
        pthread_sigmask(signal.SIG_SETMASK, blocked)
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
        try:  # not suppress(): it touches a dozen pages more
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # its reader may be gone, it may be closed, and there may be none
