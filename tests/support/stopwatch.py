"""Elapsed time on a busy machine, without the time spent waiting for a processor."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

__all__ = ["Stopwatch", "seconds_to_end"]


class Stopwatch:
    """Seconds since its start in which the watched thread had a processor, or waited for events.

    So a bound says what the code takes, not what other programs on the machine do. Watches the
    calling thread, or the main thread of the process ``pid``.
    """

    def __init__(self, pid: int | None = None) -> None:
        thread = f"self/task/{threading.get_native_id()}" if pid is None else str(pid)
        self._file = Path("/proc", thread, "schedstat")
        self._started = self._time()

    @property
    def seconds(self) -> float:
        return max(0.0, self._time() - self._started)

    def _time(self) -> float:
        """A time on a clock that stands still while the thread waits for a processor."""
        # Both parts belong together: of several readings, the one that was not interrupted.
        return min(self._reading() for _ in range(10))[1]

    def _reading(self) -> tuple[float, float]:
        """How long a reading takes, and the time."""
        began = time.monotonic()
        waited = int(self._file.read_text().split()[1]) / 1e9  # in nanoseconds; Linux counts it
        now = time.monotonic()
        return now - began, now - waited


def seconds_to_end(process: subprocess.Popen[str], number: int) -> float:
    """Send a signal and wait for the end of the process, which is then still to be waited for."""
    watch = Stopwatch(process.pid)
    process.send_signal(number)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie keeps its times
    return watch.seconds
