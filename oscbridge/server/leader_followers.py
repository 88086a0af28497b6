"""A bounded, reused set of threads that take turns receiving (the leader/followers pattern).

One thread, the leader, waits for work. It then makes another thread the leader and does the
work. So there is no queue between a reader and its workers: while all threads are busy, input
waits at its source.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, TypeAlias

from oscbridge.logs.rate_limited import RateLimitedLog

__all__ = ["LeaderFollowers"]

_log: Final = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]


class LeaderFollowers:
    """Threads that call ``receive`` one at a time, and the work it returns in parallel.

    ``receive`` waits a short time for work and returns None without any. A thread is started
    only when all others are busy and the system allows it, at most ``max_threads``.
    Exceptions of work go to ``threading.excepthook`` and end no thread.
    """

    error: BaseException | None = None
    """The exception of ``receive``, which ends receiving and sets :attr:`stopping`."""

    def __init__(self, receive: Callable[[], Work | None], max_threads: int, name: str) -> None:
        if max_threads < 1:
            raise ValueError(f"max_threads must be at least 1, got {max_threads}")
        self._receive = receive
        self._max_threads = max_threads
        self._name = name
        self._reporter = RateLimitedLog(_log)
        self._lead = threading.Lock()
        self._count = threading.Lock()
        self._busy = 0
        self._threads: list[threading.Thread] = []
        self.stopping = threading.Event()

    def __len__(self) -> int:
        return len(self._threads)

    def start(self) -> None:
        """Start the first thread."""
        # Daemon threads: a handler that never returns must not keep the process alive.
        thread = threading.Thread(
            target=self._run, name=f"{self._name}-{len(self._threads)}", daemon=True
        )
        self._threads.append(thread)  # first: the thread may receive before start() returns
        try:
            thread.start()
        except BaseException:
            self._threads.remove(thread)
            raise

    def stop(self, timeout: float) -> int:
        """Stop receiving, and wait at most ``timeout`` seconds for the current work.

        Returns the number of threads that are still running then.
        """
        self.stopping.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return sum(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while not self.stopping.is_set():
            with self._lead:
                if self.stopping.is_set():
                    return
                try:
                    work = self._receive()
                except BaseException as error:
                    self.error = error
                    self.stopping.set()
                    return
                if work is None:
                    continue
                with self._count:
                    self._busy += 1
                    all_busy = self._busy == len(self._threads) < self._max_threads
                if all_busy:
                    try:
                        self.start()
                    except RuntimeError as error:  # the system allows no more threads
                        text = f"{self._name}: {error}; continuing with {len(self)}"
                        self._reporter.report("thread", text)
            try:
                work()
            except BaseException:
                hook, thread = threading.excepthook, threading.current_thread()
                hook(threading.ExceptHookArgs((*sys.exc_info(), thread)))
            finally:
                with self._count:
                    self._busy -= 1
