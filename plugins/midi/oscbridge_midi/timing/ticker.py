"""Sends the generated clock and time code at the right time, from a thread of its own.

A thread that waits for a condition wakes within about 0.1 ms. An event loop does not: ``epoll``
waits in whole milliseconds. Where the user may (``rtprio``, as for JACK), the thread gets the
lowest real-time priority, so that it is in time on a busy machine as well.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from oscbridge_midi.timing.clock_generator import ClockGenerator
from oscbridge_midi.timing.commands import TimingCommand
from oscbridge_midi.timing.timecode import Timecode
from oscbridge_midi.timing.timecode_generator import TimecodeGenerator

__all__ = ["Ticker"]

PRIORITY: Final = 1
"""The lowest real-time priority: that of a program of JACK is higher."""

END_TIMEOUT: Final = 1.0
"""Seconds for the thread to end; it is a daemon, which a hanging driver cannot keep alive."""


class Ticker:
    """Owns the generators. ``write`` is called on its thread or that of :meth:`apply`.

    ``on_error`` is called on its thread with what ``write`` raised; then the thread has ended.
    """

    def __init__(
        self, write: Callable[[Sequence[bytes]], None], on_error: Callable[[Exception], None]
    ) -> None:
        self._write = write
        self._on_error = on_error
        self._clock = ClockGenerator()
        self._timecode = TimecodeGenerator()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def apply(self, command: TimingCommand) -> None:
        """Carry out a command; messages that it causes are written before this returns."""
        with self._changed:
            if self._is_closed:
                return
            now = time.monotonic()
            messages = self._change(command, now)
            if messages:
                self._write(messages)
            if self._thread is None and self._due is not None:
                self._thread = threading.Thread(target=self._run, name="MIDI time", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Stop, and end the thread."""
        with self._changed:
            self._is_closed = True
            thread = self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(END_TIMEOUT)

    @property
    def _due(self) -> float | None:
        clock, timecode = self._clock.due, self._timecode.due
        if clock is None or timecode is None:
            return timecode if clock is None else clock
        return min(clock, timecode)

    def _change(self, command: TimingCommand, now: float) -> list[bytes]:
        name, numbers = command
        if name == "tempo":
            self._clock.set_tempo(numbers[0], now)
            return []
        if name == "stop":
            return self._timecode.stop(now)
        located: list[bytes] = []
        if numbers:
            *position, direction = map(int, numbers)
            where = Timecode(*position)
            if name == "follow":
                return self._timecode.follow(where, direction, now)
            located = self._timecode.locate(where, now)
            if name == "run":
                return located + self._timecode.run(now, direction or 1)
        elif name == "run":
            return self._timecode.run(now)
        return located

    def _run(self) -> None:
        _raise_priority()
        try:
            self._tick_until_closed()
        except Exception as error:  # of a driver or a connection
            with self._changed:
                self._is_closed = True
            self._on_error(error)

    def _tick_until_closed(self) -> None:
        with self._changed:
            while not self._is_closed:
                due = self._due
                if due is None:
                    self._changed.wait()
                    continue
                now = time.monotonic()
                if now < due:
                    self._changed.wait(due - now)
                    continue
                is_clock = due == self._clock.due
                self._write(self._clock.tick(now) if is_clock else self._timecode.tick(now))


def _raise_priority() -> None:
    """Give the calling thread a real-time priority, if the system has them and permits it."""
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
